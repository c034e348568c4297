import copy
import os
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
from archive_files import TINY, archive_files, noise, table, wav, write_folder, write_zip
from kinds import ORIGINAL

from secret_sauce_hf.instruments import InputError, get_collection
from secret_sauce_hf.original import archives
from secret_sauce_hf.original.archives import DRIVE_IDS, Archive
from secret_sauce_hf.original.table import original_presets

SAMPLES = get_collection(TINY).samples
SOUNDS = "guitar_tiny/guitar_tiny_samples/"
CSV = "guitar_tiny/guitar_tiny.csv"


@pytest.fixture(scope="module")
def files():
    return archive_files()


def as_folder(path, files):
    return write_folder(path, files)


def as_zip(path, files):
    return write_zip(path.with_name(path.name + ".zip"), files)


both = pytest.mark.parametrize("write", [as_folder, as_zip])

# Good archives


def renamed(files, old, new):
    return {name.replace(old, new): content for name, content in files.items()}


@both
@pytest.mark.parametrize(
    "arrange",
    [
        lambda files: files,
        lambda files: renamed(files, "guitar_tiny/", ""),
        lambda files: renamed(files, "guitar_tiny/", "Downloaded from Drive/"),
        lambda files: renamed(files, "guitar_tiny", "guitar-tiny"),
        lambda files: renamed(files, "guitar_tiny.csv", "guitar-tiny.csv"),
        lambda files: (
            files
            | {f"__MACOSX/{CSV}": b"x", "__MACOSX/guitar_tiny/guitar_tiny_samples/._s0.wav": b"x"}
            | {f"{SOUNDS}.DS_Store": b"x", f"{SOUNDS}._s1.wav": b"x", "guitar_tiny/guitar_tiny.mid": b"x"}
        ),
    ],
    ids=["own folder", "at the top", "other folder", "by name", "mixed names", "desktop litter"],
)
def test_layouts(tmp_path, files, write, arrange):
    archive = Archive(write(tmp_path / "there", arrange(files)), TINY)
    assert archive.presets == original_presets(TINY)
    report = archive.check()
    assert (report.missing, report.broken, report.changed, report.extra, report.bad_rows) == ((),) * 5
    assert str(report) == "nothing is wrong"
    for row in (0, 31):
        assert archive.take(row).dtype == np.int16
        assert np.array_equal(archive.take(row), noise(row))


@pytest.mark.parametrize("name", ORIGINAL)
def test_the_tables_of_2018(tmp_path, shared, name):
    stem = get_collection(name).stem
    three = archive_files(name, 3)
    three[f"{stem}/{stem}.csv"] = (shared / "original" / f"{stem}.csv").read_bytes()
    archive = Archive(write_zip(tmp_path / "archive.zip", three), name)
    assert len(archive.presets) == get_collection(name).count
    assert str(archive.check(0, 3)) == "nothing is wrong"
    report = archive.check()
    assert report.changed == report.broken == report.extra == ()
    assert report.missing[0] == "s3.wav" and len(report.missing) == get_collection(name).count - 3


def test_every_collection_of_2018_has_an_archive(tmp_path):
    assert set(DRIVE_IDS) == set(ORIGINAL)
    assert len(set(DRIVE_IDS.values())) == len(ORIGINAL)
    with pytest.raises(InputError, match="noisemaker-notes was not recorded in 2018, and has no archive: build it"):
        Archive(tmp_path, "noisemaker-notes")


@both
def test_copies_are_opened_anew(tmp_path, files, write):
    archive = Archive(write(tmp_path / "there", files), TINY)
    other = copy.deepcopy(archive)
    assert other._files is not archive._files
    assert np.array_equal(other.take(5), archive.take(5))


def test_a_zip_is_opened_anew_after_a_fork(tmp_path, files, monkeypatch):
    archive = Archive(as_zip(tmp_path / "there", files), TINY)
    before = archive._files._zip
    monkeypatch.setattr(archives.os, "getpid", lambda: -1)
    assert np.array_equal(archive.take(5), noise(5))
    assert archive._files._zip is not before


@both
def test_the_state_follows_the_files(tmp_path, files, write):
    path = write(tmp_path / "there", files)
    state = Archive(path, TINY).state
    assert Archive(path, TINY).state == state
    changed = path if path.is_file() else path / SOUNDS / "s3.wav"
    os.utime(changed, ns=(1, 1))
    assert Archive(path, TINY).state != state


# Bad rows


@both
def test_bad_rows_are_reported_by_name(tmp_path, files, write):
    files = dict(files)
    lines = files[CSV].decode().splitlines(keepends=True)
    lines[9] = lines[9].replace('"on"', '"?"').replace('"off"', '"on"').replace('"?"', '"off"')
    files[CSV] = "".join(lines).encode()
    for row in range(12, 19):
        del files[f"{SOUNDS}s{row}.wav"]
    files[f"{SOUNDS}s3.wav"] = b"RIFF, not really"
    files[f"{SOUNDS}s32.wav"] = files[f"{SOUNDS}s2.wav"]
    archive = Archive(write(tmp_path / "there", files), TINY)
    report = archive.check()
    assert report.missing == tuple(f"s{row}.wav" for row in range(12, 19))
    assert [name for name, _ in report.broken] == ["s3.wav"]
    assert report.changed == (8,)
    assert report.extra == ("s32.wav",)
    assert report.bad_rows == (3, 8, *range(12, 19))
    text = str(report)
    assert "7 sounds are missing: s12.wav, s13.wav, s14.wav, s15.wav, s16.wav, …; " in text
    assert "; 1 sound is broken: s3.wav (not a sound that can be read: " in text
    assert text.endswith("1 row differs from the table of 2018: row 8; 1 file belongs to no row: s32.wav")
    # Of the rows that were asked for, but for extra files.
    part = archive.check(9, 13)
    assert part.bad_rows == (12,) and part.broken == part.changed == () and part.extra == ("s32.wav",)


SILENCE = np.zeros(SAMPLES, dtype=np.int16)

BROKEN_SOUNDS = [
    (b"", "not a sound that can be read"),
    (b"<html>quota exceeded</html>", "not a sound that can be read"),
    (wav(SILENCE)[:20], "not a sound that can be read"),
    (wav(SILENCE)[:-2000], f"{SAMPLES - 1000} samples instead of {SAMPLES}"),
    (wav(SILENCE[:-1]), f"{SAMPLES - 1} samples instead of {SAMPLES}"),
    (wav(np.append(SILENCE, SILENCE[:1])), f"{SAMPLES + 1} samples instead of {SAMPLES}"),
    (wav(SILENCE, 44_100), "44100 Hz and 1 channels instead of 22050 Hz mono"),
    (wav(np.stack([SILENCE, SILENCE], axis=1)), "22050 Hz and 2 channels instead of 22050 Hz mono"),
    (wav(SILENCE, subtype="PCM_24"), "WAV with PCM_24 instead of WAV with PCM_16"),
    (wav(SILENCE, subtype="PCM_U8"), "WAV with PCM_U8 instead of WAV with PCM_16"),
    (wav(SILENCE, format="FLAC"), "FLAC with PCM_16 instead of WAV with PCM_16"),
    (wav(SILENCE) + bytes(2**20), "more than the 1,048,576 allowed"),
]


@both
@pytest.mark.parametrize("content, message", BROKEN_SOUNDS, ids=range(len(BROKEN_SOUNDS)))
def test_broken_sounds(tmp_path, files, write, content, message):
    three = {CSV: files[CSV], **{f"{SOUNDS}s{row}.wav": wav(SILENCE) for row in range(3)}}
    archive = Archive(write(tmp_path / "there", three | {f"{SOUNDS}s1.wav": content}), TINY)
    ((name, why),) = archive.check(0, 3).broken
    assert name == "s1.wav" and message in why


def test_the_longer_header_of_windows_programs(tmp_path, files):
    path = as_zip(tmp_path / "there", files | {f"{SOUNDS}s1.wav": wav(noise(1), format="WAVEX")})
    assert np.array_equal(Archive(path, TINY).take(1), noise(1))


# Bad tables


@both
@pytest.mark.parametrize(
    "content, message",
    [
        (b"", r"guitar_tiny\.csv: The table is empty"),
        (b"\xff\xfe", r"guitar_tiny\.csv is not a text file in UTF-8"),
        (table("noisemaker-light", 3).encode(), r"guitar_tiny\.csv: The header: unknown column 'lfo1_rate'"),
        (table().replace("on", "of", 1).encode(), "unknown column"),
        (table().replace('"on"', '"maybe"').encode(), "'maybe' must be one of off, on"),
        (table().replace('"on"', '"on', 1).encode(), "not a CSV table|must be one of"),
        ((table() + table().splitlines()[1] + "\n").encode(), "has 33 rows, but guitar-tiny has 32"),
        (table(rows=20).encode(), "has 20 rows, there is no reading rows 0 to 31; give others"),
        (b" " * (16 * 2**20 + 1), "more than the 16,777,216 allowed"),
    ],
    ids=["empty", "not text", "other collection", "header", "label", "quote", "too long", "too short", "too large"],
)
def test_bad_tables(tmp_path, files, write, content, message):
    path = write(tmp_path / "there", files | {CSV: content})
    with pytest.raises(InputError, match=message) as error:
        Archive(path, TINY).check()
    assert str(path) in str(error.value)


@both
def test_a_part_of_an_archive(tmp_path, write):
    archive = Archive(write(tmp_path / "there", archive_files(rows=20)), TINY)
    assert not archive.check(0, 20).bad_rows
    with pytest.raises(InputError, match="no reading rows 5 to 4"):
        archive.check(5, 5)


# Bad places


@both
@pytest.mark.parametrize(
    "names, message",
    [
        ([], "holds no archive of guitar-tiny: it needs guitar_tiny.csv and beside it the folder guitar_tiny_samples"),
        ([CSV], "holds no archive"),
        ([f"{SOUNDS}s0.wav"], "holds no archive"),
        ([f"more/{CSV}", f"more/{SOUNDS}s0.wav"], "holds no archive"),
        ([CSV, f"{SOUNDS}s0.wav", "b/guitar_tiny.csv", "b/guitar_tiny_samples/s0.wav"], "more than one archive"),
        ([CSV, f"{SOUNDS}s0.wav", "guitar_tiny/guitar-tiny.csv"], "more than one archive"),
    ],
)
def test_no_archive_or_several(tmp_path, write, names, message):
    (tmp_path / "there").mkdir()
    path = write(tmp_path / "there", dict.fromkeys(names, b"x"))
    with pytest.raises(InputError, match=message):
        Archive(path, TINY)


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="No such file or folder"):
        Archive(tmp_path / "there", TINY)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="No such file or folder"):
        Archive(tmp_path / "pipe", TINY)


def test_links_that_lead_out_of_a_folder(tmp_path, files):
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav(SILENCE))
    folder = as_folder(tmp_path / "there", files)
    sound = folder / SOUNDS / "s1.wav"
    sound.unlink()
    for target in (secret, "../../../secret.wav"):
        sound.symlink_to(target)
        with pytest.raises(InputError, match=r"s1\.wav leads out of .*; put the file itself there"):
            Archive(folder, TINY)
        sound.unlink()
    sound.symlink_to("s0.wav")
    assert np.array_equal(Archive(folder, TINY).take(1), noise(0))

    (folder / SOUNDS).rename(tmp_path / "elsewhere")
    (folder / "guitar_tiny" / "guitar_tiny_samples").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"guitar_tiny_samples leads out of"):
        Archive(folder, TINY)


def test_a_table_that_is_a_link(tmp_path, files):
    folder = as_folder(tmp_path / "there", files)
    (folder / CSV).rename(tmp_path / "table.csv")
    (folder / CSV).symlink_to(tmp_path / "table.csv")
    with pytest.raises(InputError, match=r"guitar_tiny\.csv leads out of"):
        Archive(folder, TINY)
    # The folder itself may be reached by a link.
    whole = as_folder(tmp_path / "whole", files)
    (tmp_path / "link").symlink_to(whole)
    assert not Archive(tmp_path / "link", TINY).check().bad_rows


def test_what_is_no_file_in_a_folder(tmp_path, files):
    folder = as_folder(tmp_path / "there", files)
    sounds = folder / SOUNDS
    for row in range(4):
        (sounds / f"s{row}.wav").unlink()
    (sounds / "s0.wav").mkdir()
    os.mkfifo(sounds / "s1.wav")
    (sounds / "s2.wav").symlink_to("gone.wav")
    (sounds / "s3.wav").symlink_to("s3.wav")
    archive = Archive(folder, TINY)
    assert archive.state
    assert archive.check().broken == (
        ("s0.wav", "not a regular file"),
        ("s1.wav", "not a regular file"),
        ("s2.wav", "cannot be read: No such file or directory"),
        ("s3.wav", "cannot be read: Too many levels of symbolic links"),
    )


@both
def test_too_many_files(tmp_path, files, write, monkeypatch):
    path = write(tmp_path / "there", files)
    monkeypatch.setattr(archives, "MAX_ENTRIES", 20)
    with pytest.raises(InputError, match=r"has more than 20 .*: not an archive of 2018"):
        Archive(path, TINY)


# Bad zips


def test_files_that_are_no_zip(tmp_path, files):
    page = tmp_path / "page.zip"
    page.write_text("<html>Google Drive cannot scan this file for viruses</html>")
    cut = as_zip(tmp_path / "cut", files)
    cut.write_bytes(cut.read_bytes()[:-100])
    tar = tmp_path / "archive.tar.gz"
    with tarfile.open(tar, "w:gz") as file:
        file.add(as_folder(tmp_path / "there", files), "guitar_tiny")
    for path in (page, cut, tar):
        with pytest.raises(InputError, match=r"is not a zip file that can be read .*download it again with a browser"):
            Archive(path, TINY)


def link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    "name, why",
    [
        ("../s1.wav", "leads out of the archive"),
        (f"{SOUNDS}../../../s1.wav", "leads out of the archive"),
        ("/etc/s1.wav", "leads out of the archive"),
        ("..\\s1.wav", "leads out of the archive"),
        ("C:s1.wav", "leads out of the archive"),
        (link(f"{SOUNDS}s32.wav"), "is a link or a special file"),
        (f"{SOUNDS}s1.wav", "is there twice"),
        (f"{SOUNDS}S1.WAV", "is there twice"),
        (f"./{SOUNDS}s1.wav", "is there twice"),
        (f"{SOUNDS}/s1.wav", "is there twice"),
        (zipfile.ZipInfo(""), "has no name"),
    ],
)
def test_entries_to_be_refused(tmp_path, files, name, why):
    path = as_zip(tmp_path / "there", files)
    with zipfile.ZipFile(path, "a") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Of the second entry of a name.
        file.writestr(name, b"x")
    with pytest.raises(InputError, match=f"the entry .* {why}; do not use this file"):
        Archive(path, TINY)


def patched(path, old, new):
    content = path.read_bytes()
    assert old in content and len(old) == len(new)
    path.write_bytes(content.replace(old, new))


def header(path, name, offset, new):
    """Write over the header of an entry in the directory at the zip's end."""
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(name.encode())) + offset
    content[at : at + len(new)] = new
    path.write_bytes(content)


def test_a_name_with_a_zero_byte(tmp_path, files):
    path = as_zip(tmp_path / "there", files)
    patched(path, b"s31.wav", b"s31\0wav")
    with pytest.raises(InputError, match=r"s31\\x00wav' leads out of the archive"):
        Archive(path, TINY)


def test_what_zipfile_quotes_of_a_file_is_cut(tmp_path, files):
    path = as_zip(tmp_path / "there", files)
    content = bytearray(path.read_bytes())
    # The first entry's own header says that its name goes on for kilobytes.
    content[26:28] = (2**14).to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be unpacked: ") as caught:
        assert Archive(path, TINY).presets
    assert len(str(caught.value)) < 400


def test_encrypted(tmp_path, files):
    path = as_zip(tmp_path / "there", files)
    header(path, "s31.wav", 8, b"\x01\x00")
    with pytest.raises(InputError, match="is encrypted"):
        Archive(path, TINY)


def test_unknown_compression(tmp_path, files):
    path = as_zip(tmp_path / "there", files)
    header(path, "s31.wav", 10, b"\x63\x00")
    ((name, why),) = Archive(path, TINY).check().broken
    assert name == "s31.wav" and "cannot be unpacked: it is neither stored nor deflated" in why


@pytest.mark.parametrize("size", [1000, 400_000])
def test_a_size_that_is_not_true(tmp_path, files, size):
    """What comes out of an entry is not more than it says, and must be as much."""
    path = as_zip(tmp_path / "there", files)
    header(path, "s31.wav", 24, size.to_bytes(4, "little"))
    ((name, why),) = Archive(path, TINY).check().broken
    assert name == "s31.wav" and why.startswith("cannot be unpacked: ")


def test_bombs(tmp_path, files, monkeypatch):
    path = as_zip(tmp_path / "there", files | {f"{SOUNDS}s31.wav": bytes(300 * 2**20)})
    assert path.stat().st_size < 10 * 2**20
    reads = []
    plain = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n=-1: reads.append(n) or plain(self, n))
    archive = Archive(path, TINY)
    assert archive.check(30).broken == (("s31.wav", "314,572,800 bytes, more than the 1,048,576 allowed"),)
    # The table and one sound, each with a limit.
    assert len(reads) == 2 and min(reads) > 0
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 300 * 2**20)
    with pytest.raises(InputError, match=r"unpacks to .*: not an archive of 2018"):
        Archive(path, TINY)


def test_damaged_zips(tmp_path):
    """Whatever bytes are wrong, it is an InputError or in the report, and the rest is unharmed."""
    small = {CSV: table().encode(), **{f"{SOUNDS}s{row}.wav": wav(SILENCE) for row in range(3)}}
    good = as_zip(tmp_path / "good", small).read_bytes()
    path = tmp_path / "bad.zip"
    random = np.random.default_rng(2018)
    outcomes = set()
    for _ in range(400):
        bad = bytearray(good)
        for at in random.integers(len(bad), size=random.integers(1, 4)):
            bad[at] = random.integers(256)
        path.write_bytes(bad[: random.integers(len(bad))] if random.random() < 0.1 else bad)
        try:
            archive = Archive(path, TINY)
            bad_rows = archive.check(0, 3).bad_rows
        except InputError:
            outcomes.add("refused")
        else:
            outcomes.add("reported" if bad_rows else "read")
            for row in {0, 1, 2} - set(bad_rows):
                assert np.array_equal(archive.take(row), SILENCE)
    assert outcomes == {"refused", "reported", "read"}


def test_a_list_of_entries_that_is_too_long(tmp_path, files, monkeypatch):
    path = as_zip(tmp_path / "there", files)
    monkeypatch.setattr(archives, "MAX_LISTING_BYTES", 1_000)
    with pytest.raises(InputError, match=r"its list of entries has [0-9,]+ bytes, more than the 1,000 allowed"):
        Archive(path, TINY)


def test_lzma_is_not_unpacked(tmp_path, files):
    """Its header may ask for a dictionary of 4 GB."""
    path = tmp_path / "there.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content, zipfile.ZIP_LZMA if name == CSV else zipfile.ZIP_STORED)
    with pytest.raises(InputError, match="cannot be unpacked: it is neither stored nor deflated"):
        Archive(path, TINY).check()
