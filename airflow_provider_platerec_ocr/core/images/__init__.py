"""What an image is known by, and what a person may say of one."""
