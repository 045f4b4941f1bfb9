"""The API as it is seen from outside: routes, forms, replies, webhooks, and the control of a test."""
