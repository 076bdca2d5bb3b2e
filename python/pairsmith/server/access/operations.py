"""The names of all operations, and the groups of them that a policy may name.

Seeing a plaintext is a right of its own everywhere: no group but ``decrypt`` holds a
decryption, and neither kind of pair operation implies the other. Re-encryption shows
none, and takes two rights: ``ReEncryptFrom`` on the key that a blob is under,
``ReEncryptTo`` on the key that is to wrap it; ``ReEncrypt`` stands for both.
"""

GROUPS: dict[str, frozenset[str]] = {
    "pairs": frozenset({"GenerateDataKeyPair", "AdvanceGenerateDataKeyPair"}),
    "pairs-without-plaintext": frozenset(
        {
            "GenerateDataKeyPairWithoutPlaintext",
            "AdvanceGenerateDataKeyPairWithoutPlaintext",
        }
    ),
    "decrypt": frozenset({"Decrypt", "AdvanceDecrypt"}),
    "crypto": frozenset(
        {
            "AdvanceEncrypt",
            "AdvanceGenerateDataKey",
            "Encrypt",
            "GenerateDataKey",
            "GenerateRandom",
        }
    ),
    "re-encrypt": frozenset({"ReEncrypt", "ReEncryptFrom", "ReEncryptTo"}),
    "manage": frozenset(
        {
            "CancelKeyDeletion",
            "CreateAlias",
            "CreateKey",
            "CreateKeyVersion",
            "DeleteAlias",
            "DisableKey",
            "EnableKey",
            "ScheduleKeyDeletion",
            "SetDeletionProtection",
            "TagResource",
            "TagResources",
            "UntagResource",
            "UntagResources",
            "UpdateAlias",
            "UpdateKeyDescription",
            "UpdateRotationPolicy",
        }
    ),
    "read": frozenset(
        {
            "DescribeAccountKmsStatus",
            "DescribeKey",
            "DescribeKeyVersion",
            "DescribeRegions",
            "GetKmsInstance",
            "GetKmsInstanceQuotaInfos",
            "ListAliases",
            "ListAliasesByKeyId",
            "ListKeyVersions",
            "ListKeys",
            "ListKmsInstances",
            "ListResourceTags",
            "ListTagResources",
        }
    ),
    "clients": frozenset(
        {
            "CreateClientKey",
            "DeleteClientKey",
            "GetClientKey",
            "ListClientKeys",
        }
    ),
}
"""What a policy may say instead of single names."""

SINGLE = frozenset({"GenerateDataKeyWithoutPlaintext", "GetPublicKey"})
"""Operations in no group."""

OPERATIONS = frozenset[str]().union(SINGLE, *GROUPS.values())
"""Every operation a policy may name."""

CLIENTS = GROUPS["clients"]
"""Operations about clients: patterns of clients limit them, and none of keys."""

LISTS = frozenset({"ListAliases", "ListKeys", "ListTagResources"})
"""Operations about no single key that show those keys only which the patterns mean."""

WITHOUT_KEY = LISTS | frozenset(
    {
        "CreateKey",
        "DescribeAccountKmsStatus",
        "DescribeRegions",
        "GenerateRandom",
        "GetKmsInstance",
        "GetKmsInstanceQuotaInfos",
        "ListKmsInstances",
    }
)
"""Operations that are about no single key."""
