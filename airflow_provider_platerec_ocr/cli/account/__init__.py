"""The commands about an account, its runs and their reads: quota, plan, runs, report, reads, holds."""
