"""The commands about an account and its runs: quota, plan, runs, report, holds."""
