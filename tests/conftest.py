"""What all tests share: how hard the property-based ones look."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "truffle",
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("truffle")
