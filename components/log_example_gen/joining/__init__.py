"""What was known of users and keys before an impression."""
