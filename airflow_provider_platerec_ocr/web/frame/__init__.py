"""What all views share: who asks, which datasets there are, how a page is made."""
