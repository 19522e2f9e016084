# For tests of pulls whose images one signer signs: its key is made once a file,
# in $KEY; each test has a store of its own, and what it started is ended.  Load
# it behind helper and pull.

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	make_key gnupg signer
}

teardown_file() { drop_key "$BATS_FILE_TMPDIR/gnupg"; }

signer_setup() {
	store_setup
	# shellcheck disable=SC2034 # for the test
	KEY=$BATS_FILE_TMPDIR/gnupg
	PIDS=()
}

setup() { signer_setup; }

teardown() { stop_servers "${PIDS[@]}"; }
