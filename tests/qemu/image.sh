#!/bin/bash
# A Debian as a cloud has it, small: `image.sh FOLDER` leaves disk.ext4, vmlinuz and initrd there. Needs root,
# mmdebstrap and e2fsprogs. Its content is its name in the cache: change it, and the image is made anew.
set -euo pipefail
target=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# shellcheck disable=SC2016  # the hook is expanded by the shell that mmdebstrap starts
# shellcheck disable=SC2016  # the hook's $1 is the new root
mmdebstrap --quiet --mode=root --variant=minbase --skip=check/empty \
  --include=linux-image-cloud-amd64,initramfs-tools,zstd \
  --include=systemd-sysv,dbus,udev,isc-dhcp-client,iproute2 \
  --include=cloud-init,python3,curl,ca-certificates \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d"
    printf "MODULES=list\nCOMPRESS=zstd\n" >"$1/etc/initramfs-tools/conf.d/small"
    printf "virtio_pci\nvirtio_blk\next4\ncrc32c_generic\n" >"$1/etc/initramfs-tools/modules"' \
  bookworm "$root" http://deb.debian.org/debian

echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
rm -f "$root/etc/hostname" "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
chroot "$root" systemctl enable --quiet systemd-networkd
cat >"$root/etc/cloud/cloud.cfg.d/90_small.cfg" <<'CONFIG'
# There is no locale to generate here, and no boot loader.
locale: C.UTF-8
grub_dpkg: {enabled: false}
CONFIG

mv "$root"/boot/vmlinuz-* "$target/vmlinuz"
mv "$root"/boot/initrd.img-* "$target/initrd"
mke2fs -q -t ext4 -d "$root" "$target/disk.ext4" 1536M
chmod a+r "$target"/*
