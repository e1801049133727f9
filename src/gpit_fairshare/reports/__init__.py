"""What people read: a `Document` for each verb, and what turns any of them into a screen, Markdown or HTML."""
