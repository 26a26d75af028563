"""Ray on this machine or on a cluster: starting or joining it, its resources, jobs."""
