"""A seed file with one of everything."""

KEY = "key-dev000000000000000001"
CLIENT = "KAAP.00000000-0000-4000-8000-000000000001"
ACCESS_KEY = "LTAIdev0000000000000000a"
SEED = f"""
[[key]]
id = "{KEY}"
description = "orders"
aliases = ["alias/orders", "alias/second"]
tags = {{ Team = "edge" }}

[[client]]
id = "{CLIENT}"
name = "app"
password = "throw-away-1"
allow = ["decrypt:alias/orders", "GenerateRandom"]

[[access_key]]
id = "{ACCESS_KEY}"
secret = "throwaway0throwaway0"

[[fault]]
operations = ["pairs"]
count = 2
code = "Rejected.Throttling"
"""
