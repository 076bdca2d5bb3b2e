"""Actions on what the cloud has many of and a server one: region, account, instance."""

from pathlib import Path

from pairsmith.server.openapi.context import (
    PAGE_NUMBER,
    Action,
    Content,
    Context,
    Table,
)
from pairsmith.server.openapi.names import instance_arn, require_instance
from pairsmith.server.openapi.parameters import Given, Parameter, integer
from pairsmith.server.tls import CA_FILE


def describe_regions(context: Context, _given: Given) -> Content:
    """List the one region."""
    return {"Regions": {"Region": [{"RegionId": context.names.region}]}}


def describe_account_kms_status(_context: Context, _given: Given) -> Content:
    """Say that the service may be used: who asks has just done so."""
    return {"AccountStatus": "Enabled"}


def get_kms_instance(context: Context, given: Given) -> Content:
    """Show the one instance."""
    require_instance(context.names, given["KmsInstanceId"])
    # Not there if the certificate is the operator's own.
    ca = Path(context.services.settings.files.folder) / "tls" / CA_FILE
    shown = {
        "InstanceId": context.names.instance,
        "InstanceName": context.names.instance,
        "Status": "Connected",
    }
    if ca.exists():
        shown["CaCertificateChainPem"] = ca.read_text(encoding="ascii")
    return {"KmsInstance": shown}


def list_kms_instances(context: Context, given: Given) -> Content:
    """List the one instance, which is on the first page."""
    listed = {
        "KmsInstanceId": context.names.instance,
        "KmsInstanceArn": instance_arn(context.names),
    }
    number = given["PageNumber"]
    return {
        "KmsInstances": {"KmsInstance": [listed] if number == 1 else []},
        "PageNumber": number,
        "PageSize": given["PageSize"],
        "TotalCount": 1,
    }


ACTIONS: Table = {
    "DescribeRegions": Action(describe_regions),
    "DescribeAccountKmsStatus": Action(describe_account_kms_status),
    "GetKmsInstance": Action(
        get_kms_instance, (Parameter("KmsInstanceId", required=True),)
    ),
    "ListKmsInstances": Action(
        list_kms_instances,
        (PAGE_NUMBER, Parameter("PageSize", integer(1, 100), default=20)),
    ),
}
