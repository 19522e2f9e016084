# What the tests of acfetch pull share: images, keys, servers on loopback.

# A store and configuration of the test's own; nothing of the machine's.
store_setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export ACUTILS_DIR=$PWD/store
	unset https_proxy http_proxy all_proxy HTTPS_PROXY ALL_PROXY
	mkdir -p etc docker-config
	# Not what the user who tests has.
	echo '{}' >docker-config/config.json
	export XDG_CONFIG_HOME=$PWD/config DOCKER_CONFIG=$PWD/docker-config
	unset REGISTRY_AUTH_FILE XDG_RUNTIME_DIR
}

pull() { acfetch --local-config="$PWD/etc" --system-config=/nonexistent pull "$@"; }

insecure() { pull --insecure-options=image,http "$@"; }

# End what was started in the background, by its number.
stop() {
	kill "$1" 2>/dev/null || return 0
	wait "$1" 2>/dev/null || :
}

# stop_servers [PID...]: these, those that the functions here started, and $SERVER
# of the test.
stop_servers() {
	local pid
	for pid in "${NGINX_PID-}" "${BAD_PID-}" "${SERVER-}" "$@"; do
		if [ -n "$pid" ]; then
			stop "$pid"
		fi
	done
}

# The store has no image, and nothing that a download left; what another pull can
# go on with is in partial.
store_empty() {
	local left
	left=$(find store/blobs store/images store/layers store/ingest store/http -mindepth 1 ! -name sha256 ! -name sha512 2>/dev/null)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

ingest_empty() {
	local left
	left=$(find store/ingest store/partial -mindepth 1)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

partial_empty() {
	local left
	left=$(find store/partial -mindepth 1)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

# partial_has N: so many bytes of the one download under way are in the store.
partial_has() { [ "$(stat -c %s store/partial/*/blob)" -ge "$1" ]; }

# Every blob has the name that its bytes give it.
blobs_ok() {
	local f alg
	for f in store/blobs/*/*; do
		alg=$(basename "$(dirname "$f")")
		[ "$("${alg}sum" <"$f" | cut -d' ' -f1)" = "$(basename "$f")" ] || { echo "wrong bytes: $f"; return 1; }
	done
}

# make_aci FILE NAME VERSION [MORE-JSON]: a small image; $ID is its id.
make_aci() {
	local d
	d=$(mktemp -d -p "$BATS_TEST_TMPDIR")
	mkdir -p "$d/rootfs/bin"
	echo "hello from $2 $3" >"$d/rootfs/bin/hello"
	ln -s hello "$d/rootfs/bin/hi"
	cat >"$d/manifest" <<-END
	{"acKind":"ImageManifest","acVersion":"0.8.11","name":"$2","labels":[
	{"name":"version","value":"$3"},{"name":"os","value":"linux"},
	{"name":"arch","value":"$(appc_arch)"}]${4:+,$4}}
	END
	tar -C "$d" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$d.tar" manifest rootfs
	# shellcheck disable=SC2034 # for the test
	ID=sha512-$(sha512sum <"$d.tar" | cut -d' ' -f1)
	gzip -n <"$d.tar" >"$1"
	rm -r "$d" "$d.tar"
}

appc_arch() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	*) uname -m ;;
	esac
}

# make_key DIR NAME: a key in a GNUPGHOME of its own.
make_key() {
	mkdir -m 700 "$1"
	GNUPGHOME=$1 gpg --batch --quiet --pinentry-mode loopback --passphrase '' \
		--quick-generate-key "$2 <$2@example.com>" ed25519 sign never 2>/dev/null
}

drop_key() { GNUPGHOME=$1 gpgconf --kill all; }

# trust DIR PREFIX: its key may sign images at and below PREFIX.
trust() {
	local fpr d=etc/trustedkeys/prefix.d/$2
	fpr=$(GNUPGHOME=$1 gpg --list-keys --with-colons | awk -F: '$1 == "fpr" { print tolower($10); exit }')
	mkdir -p "$d"
	GNUPGHOME=$1 gpg --armor --export >"$d/$fpr"
}

sign() { GNUPGHOME=$1 gpg --batch --yes --armor --output "$2.asc" --detach-sign "$2"; }

# make_oci: a small image of one layer as files layer.tar.gz, config.json and
# manifest.json, and the digests $LAYER, $CONFIG, $MANIFEST.
make_oci() {
	mkdir -p oci/etc
	echo 'a file' >oci/etc/motd
	head -c "${1:-200000}" /dev/urandom >oci/etc/random
	tar -C oci --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf layer.tar etc
	gzip -n <layer.tar >layer.tar.gz
	LAYER=sha256:$(sha256sum <layer.tar.gz | cut -d' ' -f1)
	cat >config.json <<-END
	{"architecture":"$(go_arch)","os":"linux","config":{"Cmd":["/bin/true"]},"rootfs":{"type":"layers","diff_ids":["sha256:$(sha256sum <layer.tar | cut -d' ' -f1)"]}}
	END
	CONFIG=sha256:$(sha256sum <config.json | cut -d' ' -f1)
	make_manifest
}

make_manifest() {
	cat >manifest.json <<-END
	{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"$CONFIG","size":$(stat -c %s config.json)},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"$LAYER","size":${LAYER_SIZE:-$(stat -c %s layer.tar.gz)}}]}
	END
	# shellcheck disable=SC2034 # for the test
	MANIFEST=sha256:$(sha256sum <manifest.json | cut -d' ' -f1)
}

go_arch() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	*) uname -m ;;
	esac
}

# bad SCRIPT: start tests/fault/badserver; $A and $B are its two "hosts", the
# requests are in the file log.
bad() {
	rm -f ports log
	"$TOOLDIR/badserver" "$1" log ports 3>&- &
	# shellcheck disable=SC2034 # for the test
	BAD_PID=$!
	wait_for 10 test -s ports
	# shellcheck disable=SC2034
	read -r PORT_A PORT_B <ports
	# shellcheck disable=SC2034
	A=127.0.0.1:$PORT_A B=127.0.0.1:$PORT_B
}

# The rules of a registry that serves make_oci's image; RULES come first.
registry() {
	{
		cat
		cat <<-END
		GET /v2/app/manifests/latest
		header Content-Type: application/vnd.oci.image.manifest.v1+json
		file manifest.json
		GET /v2/app/blobs/$CONFIG
		file config.json
		GET /v2/app/blobs/$LAYER
		ranges
		file layer.tar.gz
		END
	} >script
	bad script
}

# A docker-registry at $REGISTRY by $REGISTRY_PID, its files in the directory
# registry, what it was asked in registry.log.
start_registry() {
	export REGISTRY REGISTRY_PID
	local port
	port=$(free_port)
	cat >registry.yml <<-END
	version: 0.1
	log: {level: error, accesslog: {disabled: false}}
	storage: {filesystem: {rootdirectory: $PWD/registry}}
	http: {addr: 127.0.0.1:$port}
	END
	docker-registry serve registry.yml >registry.log 2>&1 3>&- &
	REGISTRY_PID=$!
	REGISTRY=127.0.0.1:$port
	wait_for 20 listening "$port"
}

# start_nginx [LINES [LINES]]: https on $PORT by $NGINX_PID, with a certificate of
# our own authority (ca.pem), serving the directory www; more LINES for the
# server, and for all of http.
start_nginx() {
	local port
	port=$(free_port)
	mkdir -p www tmp
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out ca.pem 2>/dev/null
	cat >nginx.conf <<-END
	daemon off; master_process off; pid $PWD/nginx.pid; error_log $PWD/nginx.err;
	events {}
	http {
	access_log $PWD/access.log;
	client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
	uwsgi_temp_path tmp; scgi_temp_path tmp;
	default_type text/html;
	${2-}
	server { listen 127.0.0.1:$port ssl; ssl_certificate $PWD/ca.pem; ssl_certificate_key $PWD/key.pem;
	root $PWD/www; ${1-}
	location = /log-settled { access_log off; return 204; } }
	}
	END
	nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/nginx.err" 3>&- &
	# shellcheck disable=SC2034 # for the test
	NGINX_PID=$!
	# shellcheck disable=SC2034
	PORT=$port
	wait_for 10 listening "$port"
	chmod o+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" www 2>/dev/null || :
}

# nginx writes a line when the client has got its answer already: what was asked before is in its log now.
settle_log() { curl -sS --cacert ca.pem -o /dev/null "https://localhost:$PORT/log-settled"; }

clear_log() {
	settle_log
	: >"$1"
}
