from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code; tests that mean to be fast say so themselves.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
