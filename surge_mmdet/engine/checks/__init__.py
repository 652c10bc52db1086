"""What has to hold before the first step: functions that the hooks call."""
