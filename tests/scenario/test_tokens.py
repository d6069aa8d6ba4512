# SPDX-License-Identifier: MIT
"""Who may ask: the tokens of ./dev token at a gateway that really runs."""
from lib import equal

NODES = ["us-east", "us-east-blue", "us-east-green"]
READ_ONLY = True
QUERY = "{ __typename }"


def scenario_a_token_of_each_algorithm_is_accepted(fleet):
    for alg in ("HS256", "RS256", "ES256"):
        answer = fleet.graphql("us-east", QUERY, token=fleet.token(alg=alg))
        equal((answer.status, answer.data), (200, {"__typename": "Query"}), alg)


def scenario_without_a_valid_token_nothing_is_answered(fleet):
    good = fleet.token()
    wrong = {"none": None, "expired": fleet.token(lifetime=-120), "cut": good[:-4], "of nobody": good + "AAAA"}
    for what, token in wrong.items():
        for listener in ("https", "http"):
            answer = fleet.graphql("us-east", QUERY, token=token, listener=listener)
            equal(answer.status, 401, f"status with a token that is {what}")
            assert "www-authenticate" in answer.headers, answer.headers
            equal(answer.errors[0]["extensions"]["code"], "UNAUTHENTICATED", f"code with a token that is {what}")


def scenario_the_token_command_makes_what_it_says(fleet):
    token = fleet.dev("token", "--tenant", "tenant-bar-inc", "--role", "worker", "--region", "us-east", "--facilities",
                      "facility-boston-001", "--exp", "60").stdout.strip()
    answer = fleet.graphql("us-east", "{ facilities { code } }", token=token)
    equal(answer.status, 200)
    codes = {row["code"] for row in answer.data["facilities"]}
    assert "facility-newyork-001" not in codes, codes   # another tenant's
