#!/usr/bin/env python3
"""Writes a folder as an OCI image (image-spec 1.1) of one layer into an archive of an image layout.

    oci_image.py ROOT ARCHIVE --version V --revision COMMIT --seconds S

The same folder gives the same bytes: names sorted, no owner but root, every time S (since 1970).
"""
import argparse
import datetime
import gzip
import hashlib
import io
import json
import pathlib
import tarfile

USER = 65532  # owns what the program may write to; all else is root's
WRITABLE = ("tmp", "var/lib/keelson")
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer_of(root, seconds):
    """A tar of everything below `root`."""
    def plain(entry):
        owner = USER if entry.name in WRITABLE else 0
        entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime = owner, owner, "", "", seconds
        return entry

    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(root.rglob("*")):
            archive.add(path, path.relative_to(root).as_posix(), recursive=False, filter=plain)
    return text.getvalue()


class Layout:
    """The files of an image layout, by name."""

    def __init__(self):
        self.files = {}

    def add(self, media_type, content):
        """Adds a blob; gives its descriptor."""
        name = digest(content)
        self.files["blobs/" + name.replace(":", "/")] = content
        return {"mediaType": media_type, "digest": name, "size": len(content)}

    def write(self, path, seconds):
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content in sorted(self.files.items()):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mtime, entry.mode = len(content), seconds, 0o644
                archive.addfile(entry, io.BytesIO(content))


def as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def image(root, version, revision, seconds):
    layout = Layout()
    tar = layer_of(root, seconds)
    layer = layout.add(LAYER, gzip.compress(tar, 6, mtime=0))
    created = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {"org.opencontainers.image.title": "keelson", "org.opencontainers.image.version": version,
              "org.opencontainers.image.revision": revision, "org.opencontainers.image.licenses": "Apache-2.0"}
    config = layout.add(CONFIG, as_json({
        "architecture": "amd64", "os": "linux", "created": created,
        "config": {"User": f"{USER}:{USER}", "Entrypoint": ["keelson"], "Cmd": ["help"], "WorkingDir": "/tmp",
                   "Env": ["PATH=/bin", "HOME=/tmp", "LANG=C.UTF-8", "TZ=UTC"], "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [digest(tar)]},
        "history": [{"created": created, "created_by": "script/image"}]}))
    manifest = layout.add(MANIFEST, as_json({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], "annotations": labels}))
    manifest["platform"] = {"architecture": "amd64", "os": "linux"}
    manifest["annotations"] = {"org.opencontainers.image.ref.name": version}
    layout.files["oci-layout"] = as_json({"imageLayoutVersion": "1.0.0"})
    layout.files["index.json"] = as_json({"schemaVersion": 2, "manifests": [manifest]})
    return layout


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("archive", type=pathlib.Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--seconds", required=True, type=int)
    options = parser.parse_args()
    if not options.root.is_dir():
        parser.error(f"{options.root} is no folder")
    image(options.root, options.version, options.revision, options.seconds).write(options.archive, options.seconds)


if __name__ == "__main__":
    main()
