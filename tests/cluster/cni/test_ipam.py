"""Calico's IPAM: whose a block is, where an address comes from, and that nobody gets one twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.cluster.cni.calico.ipam import (
    IPAM,
    BlockLimit,
    Config,
    IPAMError,
    NotAssigned,
    determine,
    plugin,
    pool_of,
    tunnels,
    utilization,
)
from apps.cluster.engine.randomness import Randomness

Obj = dict[str, Any]
NODES: dict[str, dict[str, str]] = {name: {"name": name} for name in ("one", "two", "three")}


def pool(cidr: str, name: str = "", **spec: Any) -> Obj:
    return {"metadata": {"name": name or cidr}, "spec": {"cidr": cidr, **spec}}


def ipam(*pools: Obj, **options: Any) -> IPAM:
    return IPAM(pools or (pool("192.168.0.0/24"),), NODES, **options)


def addresses(of: IPAM, host: str, number: int = 1, **options: Any) -> list[str]:
    got = of.auto_assign(host, number, **options)
    got.check()
    return [address.partition("/")[0] for address in got.addresses]


def test_a_node_gets_a_block_with_its_first_address_and_fills_it_in_order():
    ours = ipam()
    found = addresses(ours, "one", 3)
    (block,) = ours.blocks_of("one")
    assert block.endswith("/26")
    assert found == [ours.blocks()[0].address(ordinal) for ordinal in (0, 1, 2)]


def test_nodes_have_blocks_of_their_own():
    ours = ipam()
    for name in NODES:
        addresses(ours, name)
    blocks = [ours.blocks_of(name) for name in NODES]
    assert len({block for those in blocks for block in those}) == 3


def test_the_sixty_fifth_address_needs_another_block():
    ours = ipam()
    addresses(ours, "one", 65)
    assert len(ours.blocks_of("one")) == 2


def test_when_every_block_has_its_node_addresses_are_borrowed():
    ours = ipam(pool("192.168.0.0/25"))
    addresses(ours, "one")
    addresses(ours, "two")
    borrowed = addresses(ours, "three", 2)
    assert ours.blocks_of("three") == []
    assert {one.affinity for one in ours.blocks() for at in one.used if one.address(at) in borrowed} <= {
        "host:one",
        "host:two",
    }
    assert len(borrowed) == 2


def test_with_strict_affinity_nobody_borrows():
    ours = ipam(pool("192.168.0.0/25"), config=Config(strict_affinity=True))
    addresses(ours, "one")
    addresses(ours, "two")
    got = ours.auto_assign("three")
    with pytest.raises(IPAMError, match=r"^Assigned 0 out of 1 requested IPv4 addresses; No more free affine blocks"):
        got.check()


def test_what_is_used_up_is_said_in_calicos_words():
    ours = ipam(pool("192.168.0.0/30", blockSize=30))
    conf = {"name": "k8s-pod-network", "ipam": {}}
    for number in range(4):
        plugin.add(ours, conf, "one", f"c{number}")
    words = (
        "^failed to request IPv4 addresses: Assigned 0 out of 1 requested IPv4 addresses; "
        r"No IPs available in pools: \[192.168.0.0/30\]$"
    )
    with pytest.raises(IPAMError, match=words):
        plugin.add(ours, conf, "two", "more")


def test_a_node_has_no_more_blocks_than_its_limit():
    ours = ipam(config=Config(max_blocks=1))
    addresses(ours, "one", 64)
    with pytest.raises(BlockLimit):
        addresses(ours, "one")


def test_a_released_address_is_used_after_all_others_of_its_block():
    ours = ipam(pool("10.0.0.0/30", blockSize=30))
    first, *_rest = addresses(ours, "one", 2)
    assert ours.release(first) == []
    assert addresses(ours, "one", 3)[-1] == first


def test_an_address_that_nobody_has_is_told_on_release():
    ours = ipam()
    assert ours.release("192.168.0.9", "1.1.1.1") == ["192.168.0.9", "1.1.1.1"]


def test_an_address_is_not_released_for_someone_else():
    ours = ipam()
    (address,) = addresses(ours, "one", handle="mine")
    with pytest.raises(IPAMError, match="does not match"):
        ours.release(address, handle="another")
    assert ours.owner_of(address).handle == "mine"


def test_everything_under_a_handle_goes_at_once_and_only_once():
    ours = ipam()
    addresses(ours, "one", 3, handle="mine")
    assert len(ours.addresses_of("mine")) == 3
    ours.release_by_handle("mine")
    assert ours.addresses_of("mine") == []
    with pytest.raises(NotAssigned):
        ours.release_by_handle("mine")


def test_a_node_that_goes_leaves_its_block_to_its_last_address():
    ours = ipam()
    (address,) = addresses(ours, "one")
    ours.release_host("one")
    assert [block.affinity for block in ours.blocks()] == [""]
    ours.release(address)
    assert ours.blocks() == []


def test_an_empty_block_is_taken_over_after_a_minute():
    ours = ipam(pool("10.0.0.0/32", blockSize=32))
    (address,) = addresses(ours, "one")
    ours.release(address)
    assert ours.auto_assign("two", now_ms=59_000).addresses == ["10.0.0.0/32"]  # borrowed: it is still the first's
    ours.release(address)
    assert ours.blocks_of("one") == ["10.0.0.0/32"]
    assert addresses(ours, "two", now_ms=60_000) == [address]
    assert ours.blocks_of("two") == ["10.0.0.0/32"]


def test_an_address_asked_for_by_name_brings_its_block_along():
    ours = ipam()
    ours.assign("192.168.0.70", "two")
    assert ours.blocks_of("two") == ["192.168.0.64/26"]
    with pytest.raises(IPAMError, match="already assigned"):
        ours.assign("192.168.0.70", "one")
    with pytest.raises(IPAMError, match="not in a configured pool"):
        ours.assign("10.9.9.9", "one")


def test_strict_affinity_keeps_others_out_of_a_block():
    ours = ipam(config=Config(strict_affinity=True))
    ours.assign("192.168.0.70", "two")
    with pytest.raises(IPAMError, match="Block host affinity does not match"):
        ours.assign("192.168.0.71", "one")


def test_reserved_addresses_are_passed_over_and_counted():
    ours = ipam(pool("10.0.0.0/24"), reserved=["10.0.0.0/25", "10.0.0.128/31"])
    found = addresses(ours, "one", 64)
    assert not set(found) & {"10.0.0.128", "10.0.0.129"}
    (usage,) = utilization(ours)
    assert (usage.capacity, usage.in_use, usage.reserved, usage.available) == (256, 64, 130, 256 - 130 - 64)


@pytest.mark.parametrize(
    ("reserved", "of_pool", "of_block"),
    [
        pytest.param(["10.0.0.32/30"], (256, 1, 4, 251), (64, 1, 4, 59), id="inside the block"),
        pytest.param(["10.0.0.128/25"], (256, 1, 128, 127), (64, 1, 0, 63), id="where no block is yet"),
        pytest.param(["10.0.0.5/32"], (256, 1, 1, 255), (64, 1, 1, 63), id="an address that someone has"),
        pytest.param(
            ["10.0.0.0/25", "10.0.0.5/32", "10.0.0.64/26"], (256, 1, 128, 128), (64, 1, 64, 0), id="one over another"
        ),
    ],
)
def test_how_full_a_pool_is_counts_a_reserved_address_once(reserved, of_pool, of_block):
    ours = ipam(pool("10.0.0.0/24"), reserved=reserved)
    ours.assign("10.0.0.5", "one")
    (usage,) = utilization(ours, "10.0.0.0/24")
    (block,) = usage.blocks
    assert (usage.capacity, usage.in_use, usage.reserved, usage.available) == of_pool
    assert block[1:] == of_block


@pytest.mark.parametrize(
    ("cidr", "size", "asked", "got", "messages"),
    [
        pytest.param("192.168.1.0/24", 26, 256, 256, [], id="all there are"),
        pytest.param(
            "192.168.1.0/24", 26, 257, 256, ["No IPs available in pools: [192.168.1.0/24]"], id="one too many"
        ),
        pytest.param("fd80::/120", 122, 257, 256, ["No IPs available in pools: [fd80::/120]"], id="of IPv6 too"),
        pytest.param("192.168.0.0/16", 20, 1, 1, [], id="of a big block"),
    ],
)
def test_as_many_addresses_as_are_asked_for(cidr, size, asked, got, messages):
    found = ipam(pool(cidr, blockSize=size)).auto_assign("one", asked, family=6 if ":" in cidr else 4)
    assert (len(found.addresses), len(set(found.addresses)), found.messages) == (got, got, messages)


@pytest.mark.parametrize("limit", [1, 2])
def test_a_limit_of_blocks_ends_a_request_with_what_it_has(limit):
    with pytest.raises(BlockLimit) as stopped:
        ipam().auto_assign("one", 256, max_blocks=limit)
    words = f"Need to allocate an IPAM block but could not - limit of {limit} blocks reached for this node"
    assert (len(stopped.value.got.addresses), stopped.value.got.messages) == (64 * limit, [words])


def test_a_pool_serves_only_what_it_is_for():
    ours = ipam(pool("192.168.2.0/24", allowedUses=["Workload"]), pool("192.168.3.0/24", allowedUses=["Tunnel"]))
    assert addresses(ours, "one", use="Tunnel")[0].startswith("192.168.3.")
    with pytest.raises(IPAMError, match="cannot find a qualified ippool, no pools match the required use"):
        ours.auto_assign("one", pools=["192.168.3.0/24"])


FOO = {"foo": "bar"}


@pytest.mark.parametrize(
    ("first", "second", "requested", "expected"),
    [
        pytest.param({}, {}, [], ["1", "2"], id="all that are enabled"),
        pytest.param({}, {}, ["10.0.0.1/24"], ["1"], id="the one that is asked for"),
        pytest.param({"nodeSelector": 'foo == "bar"'}, {"nodeSelector": 'foo != "bar"'}, [], ["1"], id="by its node"),
        pytest.param({"nodeSelector": 'foo != "bar"'}, {}, ["10.0.0.0/24"], ["1"], id="asked for, whatever it selects"),
        pytest.param({"disabled": True}, {}, [], ["2"], id="not what is disabled"),
        pytest.param({"namespaceSelector": "has(team)"}, {}, [], ["2"], id="by its namespace"),
        pytest.param({"assignmentMode": "Manual"}, {}, [], ["2"], id="not what has to be asked for"),
    ],
)
def test_the_pools_of_a_request_are(first, second, requested, expected):
    pools = [pool_of(pool("10.0.0.1/24", "1", **first)), pool_of(pool("20.0.0.0/24", "2", **second))]
    assert [one.name for one in determine(pools, 4, FOO, None, requested)] == expected


def test_a_pool_that_is_asked_for_has_to_be_there():
    pools = [pool_of(pool("10.0.0.0/24", disabled=True)), pool_of(pool("20.0.0.0/24"))]
    with pytest.raises(IPAMError, match=r"the given pool \(10.0.0.0/24\) does not exist, or is not enabled"):
        determine(pools, 4, {}, None, ["10.0.0.0/24"])


def test_without_any_pool_nothing_is_assigned():
    with pytest.raises(IPAMError, match="cannot find a qualified ippool"):
        addresses(ipam(pool("fd00::/64")), "one")


def test_a_node_has_a_tunnel_address_as_long_as_a_pool_asks_for_one():
    ours = ipam(pool("192.168.0.0/24", ipipMode="Always"))
    node = {"metadata": {"name": "one", "labels": {}}, "spec": {"bgp": {"ipv4Address": "10.0.0.1/24"}}}
    with_address = tunnels.reconcile(ours, node, [pool("192.168.0.0/24", ipipMode="Always")])
    address = with_address["spec"]["bgp"]["ipv4IPIPTunnelAddr"]
    assert ours.owner_of(address).handle == "ipip-tunnel-addr-one"
    assert "ipv4IPIPTunnelAddr" not in node["spec"]["bgp"]
    without = tunnels.reconcile(ours, with_address, [pool("192.168.0.0/24")])
    assert without["spec"] == node["spec"]
    assert ours.addresses_of("ipip-tunnel-addr-one") == []


@pytest.mark.parametrize("seed", range(20))
def test_no_address_is_ever_had_twice(seed):
    random = Randomness(seed)
    ours = ipam(pool("10.0.0.0/26", blockSize=29), config=Config(strict_affinity=bool(seed % 2)))
    held: dict[str, str] = {}  # address -> handle
    for step in range(300):
        if random.below(3) and len(held) < 60:
            handle = f"h{step}"
            got = ours.auto_assign(random.choice(list(NODES)), 1 + random.below(4), handle=handle, now_ms=step * 1000)
            for address in got.addresses:
                bare = address.partition("/")[0]
                assert bare not in held, (seed, step, bare)
                held[bare] = handle
        elif held and random.below(8):
            handle = held[random.choice(sorted(held))]
            ours.release_by_handle(handle)
            held = {address: owner for address, owner in held.items() if owner != handle}
        else:
            ours.release_host(random.choice(list(NODES)))
        if step % 50 == 0:
            saved = json.loads(json.dumps(ours.save()))
            again = ipam(pool("10.0.0.0/26", blockSize=29), config=ours.config)
            again.load(saved)
            assert again.save() == ours.save()
            ours = again
        assert {address: ours.owner_of(address).handle for address in held} == held
        for block in ours.blocks():
            assert sorted([*block.free, *block.used]) == list(range(8)), (seed, step)
