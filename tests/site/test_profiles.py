from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import posdiag
from posdiag.model.errors import ProfileError
from posdiag.model.site import AcquirerProfile, Framing, LinkClass, Reach, TerminalProfile
from posdiag.site import profiles
from posdiag.site.profile_rules import source_of
from posdiag.site.profiles import (
    ProfileKind,
    built_in_folders,
    check_profile,
    list_profiles,
    load_acquirer,
    load_terminal,
    profile_folders,
    user_folder,
)

SHIPPED = Path(posdiag.__file__).parents[1] / "profiles"
TERMINAL = """id = "{id}"
link_class = "{link}"
[title]
en = "Terminal"
zh = "终端"
[sources]
link_class = "maker's manual"
"""


def add_terminal(folder: Path, name: str, link: str = "eth") -> Path:
    path = folder / "terminals" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TERMINAL.format(id=name, link=link), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.toml")), ids=lambda path: path.stem)
def test_a_shipped_profile_is_sound(path: Path) -> None:
    profile = check_profile(path)

    assert profile.id == path.stem
    assert profile.verified_on is not None
    assert profile.title.zh != profile.title.en
    kind = TerminalProfile if path.parent.name == "terminals" else AcquirerProfile
    assert isinstance(profile, kind)


def test_a_family_for_each_way_of_communication_but_wifi() -> None:
    shipped = [load_terminal(path.stem, [SHIPPED]) for path in (SHIPPED / "terminals").iterdir()]
    assert {profile.link_class for profile in shipped} >= set(LinkClass) - {LinkClass.WIFI}


@pytest.mark.parametrize(
    "path", sorted((SHIPPED / "acquirers").iterdir()), ids=lambda path: path.stem
)
def test_no_shipped_address_is_anybodys(path: Path) -> None:
    profile = load_acquirer(path.stem, [SHIPPED])
    for host in profile.hosts:
        assert host.address.endswith(".example") or host.address.startswith("198.51.100.")
    assert source_of(profile.sources, "hosts.0.address").startswith("assumption: placeholder")


def test_the_acquirers_of_the_sheet() -> None:
    private = load_acquirer("unionpay_tcp_private_apn", [SHIPPED])
    assert (private.reach, private.echo.framing) == (Reach.PRIVATE_APN, Framing.BINARY2)
    assert (private.echo.tpdu, private.echo.header) == ("6000030000", "602200000000")
    assert load_acquirer("unionpay_tls_public", [SHIPPED]).hosts[0].tls
    assert load_acquirer("iso1987_ascii_public", [SHIPPED]).echo.framing is Framing.ASCII4


def test_the_order_of_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, user, wheel, source = (tmp_path / name for name in ("given", "user", "wheel", "source"))
    for folder, link in ((given, "eth"), (user, "wifi"), (wheel, "cell"), (source, "dial")):
        add_terminal(folder, "shop", link)
    monkeypatch.setattr(profiles, "user_folder", lambda: user)
    monkeypatch.setattr(profiles, "built_in_folders", lambda: [wheel, source])

    seen = []
    for folder in (given, user, wheel, source):
        folders = profile_folders([given] if given.exists() else [])
        seen.append(load_terminal("shop", folders).link_class)
        shutil.rmtree(folder)

    assert seen == [LinkClass.ETH, LinkClass.WIFI, LinkClass.CELL, LinkClass.DIAL]
    with pytest.raises(ProfileError, match=r"known: none found"):
        load_terminal("shop", profile_folders())


def test_our_own_are_found_in_an_installed_package_and_in_a_source_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "posdiag"
    package.mkdir(parents=True)
    monkeypatch.setattr(posdiag, "__file__", str(package / "__init__.py"))
    assert built_in_folders()[-1] == tmp_path / "site-packages" / "profiles"

    monkeypatch.setattr("importlib.resources.files", lambda _name: package)
    assert built_in_folders()[0] == package / "profiles"


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CONFIG_HOME": "/conf"}, "/conf/posdiag/profiles"),
        ("linux", {"XDG_CONFIG_HOME": ""}, "/home/w/.config/posdiag/profiles"),
        ("linux", {"XDG_CONFIG_HOME": "relative"}, "/home/w/.config/posdiag/profiles"),
        ("win32", {"APPDATA": "/roaming"}, "/roaming/posdiag/profiles"),
        ("darwin", {}, "/home/w/Library/Application Support/posdiag/profiles"),
    ],
)
def test_the_users_own_folder(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/w"))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert user_folder() == Path(expected)


def test_without_a_home_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert user_folder() is None
    assert profile_folders() == built_in_folders()


def test_a_given_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="--profile-dir: expected a folder"):
        profile_folders([tmp_path / "nowhere"])


def test_a_folder_without_profiles_is_passed_over(tmp_path: Path) -> None:
    add_terminal(tmp_path, "shop")
    (tmp_path / "acquirers").write_text("not a folder", encoding="utf-8")
    listed = list_profiles(ProfileKind.TERMINAL, [tmp_path / "nowhere", tmp_path])
    assert [(entry.id, entry.kind) for entry in listed] == [("shop", ProfileKind.TERMINAL)]
    assert list_profiles(ProfileKind.ACQUIRER, [tmp_path]) == []


def test_a_path_instead_of_an_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = add_terminal(tmp_path, "shop", "wifi")
    assert load_terminal(str(path), []).link_class is LinkClass.WIFI
    assert load_terminal("terminals/shop.toml", [], base=tmp_path).id == "shop"
    monkeypatch.chdir(path.parent)
    assert load_terminal("shop.toml", []).id == "shop"


def test_an_id_is_no_path(tmp_path: Path) -> None:
    add_terminal(tmp_path, "shop")
    with pytest.raises(ProfileError, match="a terminal profile"):
        load_terminal("..", [tmp_path])


def test_an_unknown_id_lists_the_known_ones() -> None:
    with pytest.raises(ProfileError) as caught:
        load_acquirer("unionpay_tls", [SHIPPED])
    text = str(caught.value)
    assert 'did you mean "unionpay_tls_public"?' in text
    assert all(path.stem in text for path in (SHIPPED / "acquirers").iterdir())


def test_a_ca_file_counts_from_the_profiles_folder(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / "acquirers", tmp_path / "acquirers")
    path = tmp_path / "acquirers" / "unionpay_tls_public.toml"
    text = path.read_text(encoding="utf-8").replace("tls = true", 'tls = true\nca_file = "r.pem"')
    text += '"hosts.ca_file" = "handed over by the acquirer"\n'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match="a PEM file that is there"):
        check_profile(path)

    (tmp_path / "acquirers" / "r.pem").write_text("PEM", encoding="utf-8")
    profile = load_acquirer("unionpay_tls_public", [tmp_path])
    assert profile.hosts[0].ca_file == str(tmp_path / "acquirers" / "r.pem")
