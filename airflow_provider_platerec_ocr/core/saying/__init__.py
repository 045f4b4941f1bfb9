"""How texts count: what logs, messages and commands say in English comes out right for 0, 1 and many."""
