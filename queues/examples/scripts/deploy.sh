#!/bin/bash
# Deploys a file into a folder: the copy appears whole, under its final name, or not at all.
set -eu
file=$1 folder=$2
mkdir -p "$folder"
cp "$file" "$folder/.incoming"
mv "$folder/.incoming" "$folder/$(basename "$file")"
echo "deployed $(basename "$file") to $folder"
