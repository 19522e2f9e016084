# Keys for tests, made by gpg: $KEYS/NAME.asc (public), and a home with the
# secrets.  Load it, call make_keys in setup_file and end_keys in
# teardown_file.

# key NAME ALGORITHM EXPIRY [GPG-OPTION...]
key() {
	gpg --batch --quiet --passphrase '' "${@:4}" \
		--quick-gen-key "$1 <$1@example.com>" "$2" sign "$3" 2>/dev/null
	gpg --batch --armor --export "$1@example.com" >"$KEYS/$1.asc"
}

make_keys() {
	KEYS=$BATS_FILE_TMPDIR/keys
	# A socket's name must be short.
	GNUPGHOME=$(mktemp -d /tmp/ac-gpg-XXXXXX)
	export KEYS GNUPGHOME
	mkdir -p "$KEYS"
	key alice ed25519 never
	key bob rsa2048 never
	key old ed25519 seconds=3600 --faked-system-time 20200101T000000
}

end_keys() {
	gpgconf --kill all
	rm -rf "$GNUPGHOME"
}

# fingerprint NAME: 40 lower-case digits.
fingerprint() {
	gpg --batch --with-colons --show-keys "$KEYS/$1.asc" 2>/dev/null |
		awk -F: '$1 == "fpr" { print tolower($10); exit }'
}

# sign_by NAME FILE [GPG-OPTION...]: FILE.asc
sign_by() {
	gpg --batch --yes --quiet --armor --detach-sign "${@:3}" \
		-u "$1@example.com" -o "$2.asc" "$2"
}
