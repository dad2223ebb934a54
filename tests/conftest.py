"""What every test of a law goes by: how long an example takes, on whatever machine, is no fault."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "acct",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("acct")
