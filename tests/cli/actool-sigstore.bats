#!/usr/bin/env bats
# actool sign and verify by plain keys: Sigstore bundles and bare signatures, against openssl.
load helper

vectors=$BATS_TEST_DIRNAME/../../spec/vectors/signatures

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	unset COSIGN_PASSWORD
	umask 077
	head -c 300000 /dev/urandom > a.aci
}

# A key pair K.key and K.pub: p256 p384 p521 ed rsa.
newkey() {
	local k
	for k; do
		case $k in
		p*) openssl genpkey -quiet -algorithm EC -pkeyopt "ec_paramgen_curve:P-${k//[a-z]/}" -out "$k.key" ;;
		ed*) openssl genpkey -quiet -algorithm ed25519 -out "$k.key" ;;
		rsa*) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$k.key" ;;
		esac
		openssl pkey -in "$k.key" -pubout -out "$k.pub"
	done
}

# openssl checks signature $3 of $2 by key $1, over digest $4.
openssl_verify() {
	case $1 in
	ed) openssl pkeyutl -verify -rawin -pubin -inkey "$1.pub" -in "$2" -sigfile "$3" ;;
	*) openssl dgst "-$4" -verify "$1.pub" -signature "$3" "$2" ;;
	esac
}

@test "every vector has its result" {
	local n i name result says key out code
	n=$(jq '.vectors | length' "$vectors/sigstore.json")
	[ "$n" -gt 60 ]
	for key in $(jq -r '.keys | keys[]' "$vectors/sigstore.json"); do
		jq -r --arg k "$key" '.keys[$k]' "$vectors/sigstore.json" > "$key.pub"
	done
	jq -r '.vectors[] | [(.message | @base64), ((.text // (.bundle | tojson)) | @base64), .key, .result, .name, .says // ""] | join("\t")' \
		"$vectors/sigstore.json" > lines
	i=0
	while IFS=$'\t' read -r message bundle key result name says; do
		base64 -d <<< "$message" > m
		base64 -d <<< "$bundle" > b
		code=0
		out=$(actool verify --key "$key.pub" --bundle b m 2>&1) || code=$?
		case $result in
		good) [ "$code" = 0 ] ;;
		bad) [ "$code" = 1 ] && [[ $out == *"$says"* ]] ;;
		esac || { echo "$name: $code: $out" && false; }
		[[ $out != *$'\n'* ]]
		i=$((i + 1))
	done < lines
	[ "$i" = "$n" ]
}

@test "every rule of the vectors is on its page" {
	local r
	for r in $(jq -r '.vectors[].rule' "$vectors/sigstore.json" | sort -u); do
		grep -q "\*\*$r\*\*" "$vectors/../../signatures.md"
	done
}

@test "openssl verifies what we sign: bundles, base64 and raw bytes, every kind of key" {
	local k alg hint
	newkey p256 p384 p521 ed rsa
	for k in p256 p384 p521 ed rsa; do
		case $k in p384) alg=sha384 ;; p521) alg=sha512 ;; *) alg=sha256 ;; esac
		actool sign --overwrite --key $k.key a.aci
		[ "$(jq -r .mediaType a.aci.sigstore.json)" = application/vnd.dev.sigstore.bundle.v0.3+json ]
		[ "$(jq -r .messageSignature.messageDigest.algorithm a.aci.sigstore.json)" = "SHA2_${alg#sha}" ]
		[ "$(jq -r .messageSignature.messageDigest.digest a.aci.sigstore.json)" = \
			"$(openssl dgst -$alg -binary a.aci | base64 -w0)" ]
		hint=$(openssl pkey -pubin -in $k.pub -outform DER | openssl dgst -sha256 -binary | base64 -w0)
		[ "$(jq -r .verificationMaterial.publicKey.hint a.aci.sigstore.json)" = "$hint" ]
		jq -r .messageSignature.signature a.aci.sigstore.json | base64 -d > raw
		openssl_verify $k a.aci raw $alg
		actool verify --key $k.pub a.aci
		rm a.aci.sigstore.json
		actool sign --overwrite --type bare --key $k.key a.aci
		base64 -d a.aci.sig > raw
		openssl_verify $k a.aci raw $alg
		actool verify --key $k.pub a.aci
		actool sign --overwrite --type raw --key $k.key a.aci
		openssl_verify $k a.aci a.aci.sig $alg
		actool verify --key $k.pub a.aci
		[ "$k" = ed ] || {
			actool sign --overwrite --type raw --digest sha512 --output other.sig --key $k.key a.aci
			openssl_verify $k a.aci other.sig sha512
			actool verify --signature other.sig --key $k.pub a.aci
		}
	done
}

@test "we verify what openssl signs, raw and in base64, over any of the digests" {
	local k alg
	newkey p256 p384 p521 ed rsa
	for k in p256 p384 p521 rsa; do
		for alg in sha256 sha384 sha512; do
			openssl dgst -$alg -sign $k.key -out a.aci.sig a.aci
			actool verify --key $k.pub a.aci
			openssl base64 -in a.aci.sig -out lines
			actool verify --key $k.pub --signature lines a.aci
		done
		openssl dgst -sha1 -sign $k.key -out a.aci.sig a.aci
		run -1 actool verify --key $k.pub a.aci
		openssl dgst -sha224 -sign $k.key -out a.aci.sig a.aci
		run -1 actool verify --key $k.pub a.aci
	done
	openssl pkeyutl -sign -rawin -inkey ed.key -in a.aci -out a.aci.sig
	actool verify --key ed.pub a.aci
	: > empty.aci
	actool sign --key ed.key empty.aci
	actool verify --key ed.pub --bundle empty.aci.sigstore.json empty.aci
}

@test "a changed byte, another key, another file: refused with the reason" {
	local k
	newkey p256 ed rsa p256b
	for k in p256 ed rsa; do
		actool sign --overwrite --key $k.key a.aci
		actool sign --overwrite --type bare --key $k.key a.aci
		for at in 0 150000 299999; do
			cp a.aci b.aci
			printf '\x5a\xa5' | dd of=b.aci bs=1 seek=$at conv=notrunc status=none
			run -1 --separate-stderr actool verify --key $k.pub --bundle a.aci.sigstore.json b.aci
			[ -z "$output" ]
			# shellcheck disable=SC2154 # bats sets it
			[[ $stderr == *"b.aci: signature by key "*"was changed" ]]
			run -1 actool verify --key $k.pub --signature a.aci.sig b.aci
			[[ $output == *"was changed" ]]
		done
		run -1 actool verify --key p256b.pub a.aci
		[[ $output == *"not by any of the keys given"* ]]
		actool verify --key p256b.pub --key $k.pub a.aci
	done
}

@test "private keys: PKCS #8, traditional, encrypted in every current way" {
	local f
	newkey p256 rsa
	openssl ecparam -name prime256v1 > params.key
	openssl ec -in p256.key -out sec1.key
	cat sec1.key >> params.key
	openssl rsa -in rsa.key -traditional -out pkcs1.key
	openssl pkcs8 -topk8 -in p256.key -passout pass:sesame -out pbkdf2.key
	openssl pkcs8 -topk8 -scrypt -in p256.key -passout pass:sesame -out scrypt.key
	openssl ec -in p256.key -aes256 -passout pass:sesame -out sec1enc.key
	openssl rsa -in rsa.key -traditional -aes128 -passout pass:sesame -out pkcs1enc.key
	for f in sec1 params pbkdf2 scrypt sec1enc; do
		actool sign --overwrite --key $f.key --passphrase-fd 3 a.aci 3<<< sesame
		actool verify --key p256.pub a.aci
		rm a.aci.sigstore.json
		COSIGN_PASSWORD=sesame actool sign --key $f.key a.aci
		actool verify --key p256.pub a.aci
	done
	for f in pkcs1 pkcs1enc; do
		COSIGN_PASSWORD=sesame actool sign --overwrite --key $f.key a.aci
		actool verify --key rsa.pub a.aci
	done
	rm a.aci.sigstore.json
	for f in pbkdf2 scrypt sec1enc pkcs1enc; do
		COSIGN_PASSWORD=open run -1 actool sign --key $f.key a.aci
		[[ $output == *"'$f.key': the passphrase is wrong"* ]]
		run -1 setsid -w actool sign --key $f.key a.aci < /dev/null
		[[ $output == *"needs a passphrase; give --passphrase-fd"* ]]
	done
	[ ! -e a.aci.sigstore.json ]
}

@test "what would take too long to open, or was encrypted in an old way, is refused" {
	newkey p256
	openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in p256.key -passout pass:sesame -out old.key
	COSIGN_PASSWORD=sesame run -1 actool sign --key old.key a.aci
	[[ $output == *"encrypted in an old way"* ]]
	# A container that asks for LINES of work is refused before a passphrase is asked for.
	heavy() {
		cat > conf <<- EOF
			asn1 = SEQUENCE:top
			[top]
			a = SEQUENCE:alg
			data = FORMAT:HEX,OCTETSTRING:00112233445566778899aabbccddeeff
			[alg]
			oid = OID:1.2.840.113549.1.5.13
			p = SEQUENCE:pbes2
			[pbes2]
			kdf = SEQUENCE:kdf
			enc = SEQUENCE:enc
			[enc]
			oid = OID:2.16.840.1.101.3.4.1.42
			iv = FORMAT:HEX,OCTETSTRING:00112233445566778899aabbccddeeff
			[kdf]
			oid = OID:$1
			p = SEQUENCE:params
			[params]
			salt = FORMAT:HEX,OCTETSTRING:0011223344556677
			$(printf '%s\n' "${@:2}")
		EOF
		openssl asn1parse -genconf conf -noout -out der
		{
			echo '-----BEGIN ENCRYPTED PRIVATE KEY-----'
			base64 der
			echo '-----END ENCRYPTED PRIVATE KEY-----'
		} > heavy.key
		COSIGN_PASSWORD=sesame run -1 timeout 20 actool sign --key heavy.key a.aci
		echo "$output"
	}
	heavy 1.2.840.113549.1.5.12 n=INTEGER:2000000000
	[[ $output == *"too much work"* ]]
	heavy 1.2.840.113549.1.5.12 n=INTEGER:2048
	[[ $output == *"the passphrase is wrong"* ]]
	heavy 1.3.6.1.4.1.11591.4.11 n=INTEGER:1048576 r=INTEGER:8 p=INTEGER:1
	[[ $output == *"too much work"* ]]
	heavy 1.3.6.1.4.1.11591.4.11 n=INTEGER:2 r=INTEGER:1 p=INTEGER:100000000
	[[ $output == *"too much work"* ]]
	heavy 1.3.6.1.4.1.11591.4.11 n=INTEGER:-1 r=INTEGER:8 p=INTEGER:1
	[[ $output == *"too much work"* ]]
	heavy 1.2.840.113549.1.5.13 n=INTEGER:1
	[[ $output == *"unknown way"* ]]
}

@test "weak keys, odd curves and what is no key are refused with the reason" {
	newkey p256 rsa
	touch a.aci.sig
	no() { # PEM-file WORDS
		run -1 actool verify --key "$1" a.aci
		[[ $output == *"keys in '$1': "*"$2"* ]] || { echo "$output" && false; }
	}
	openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 | openssl pkey -pubout > rsa1024.pub
	no rsa1024.pub "1024 bits"
	openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 |
		openssl pkey -pubout > e3.pub
	no e3.pub "exponent is too small"
	openssl ecparam -name secp256k1 -genkey -noout | openssl pkey -pubout > k1.pub
	no k1.pub "secp256k1"
	openssl ec -in p256.key -pubout -param_enc explicit > explicit.pub
	no explicit.pub "its own curve"
	openssl genpkey -quiet -algorithm x25519 | openssl pkey -pubout > x.pub
	no x.pub X25519
	openssl genpkey -quiet -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 | openssl pkey -pubout > pss.pub
	no pss.pub RSA-PSS
	openssl req -x509 -key p256.key -subj /CN=x -out cert.pem
	no cert.pem "a certificate"
	no p256.key "a private key"
	cat p256.pub rsa.pub > two.pub
	no two.pub "more than one"
	sed 's/^M..../MFkw\x1b/' p256.pub > broken.pub
	no broken.pub ""
	printf -- '-----BEGIN \e[31m KEY-----\nAAAA\n-----END \e[31m KEY-----\n' > esc.pub
	no esc.pub ""
	[[ $output != *$'\e'* ]]
	run -1 actool sign --key p256.pub a.aci
	[[ $output == *"it is a public key"* ]]
	run -1 actool sign --key a.aci a.aci
	[[ $output == *"key 'a.aci': "* ]]
	run -1 actool sign --key none a.aci
	[[ $output == *"key 'none': "* ]]
	[ ! -e a.aci.sigstore.json ]
}

@test "cosign's key files open, those of another maker and ours" {
	cp "$vectors"/cosign*.key .
	COSIGN_PASSWORD=sesame actool sign --key cosign.key a.aci
	actool verify --key "$vectors/cosign.pub" a.aci
	COSIGN_PASSWORD='päss wörd' actool sign --overwrite --key cosign-old.key a.aci
	actool verify --key "$vectors/cosign.pub" a.aci
	COSIGN_PASSWORD=Sesame run -1 actool sign --overwrite --key cosign.key a.aci
	[[ $output == *"'cosign.key': the passphrase is wrong"* ]]
	COSIGN_PASSWORD='' run -1 actool sign --overwrite --key cosign.key a.aci
	[[ $output == *"the passphrase is wrong"* ]]
}

@test "a key file of cosign's that asks for too much, or is not right, is refused" {
	local e
	sed -n '/^-/!p' "$vectors/cosign.key" | base64 -d > inner
	wrap() {
		echo "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----"
		jq -c "$1" inner | base64
		echo "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----"
	}
	wrap . > x.key
	COSIGN_PASSWORD=sesame actool sign --key x.key a.aci
	while IFS=@ read -r e words; do
		wrap "$e" > x.key
		COSIGN_PASSWORD=sesame run -1 timeout 20 actool sign --overwrite --key x.key a.aci
		[[ $output == *"key 'x.key': "*"$words"* ]] || { echo "$e: $output" && false; }
	done <<- 'EOF'
		.kdf.params.N = 1073741824@more than 128 MiB
		.kdf.params.r = 1000000@more than 128 MiB
		.kdf.params.p = 1000000@more than 128 MiB
		.kdf.params.N = 65535@parameters of scrypt are not valid
		.kdf.params.N = 0@not valid
		.kdf.params.r = -1@not valid
		.kdf.params.N = "a"@kdf.params.N: expected a whole number
		.kdf.params = null@not valid
		.kdf.name = "pbkdf2"@kdf is not 'scrypt'
		.cipher.name = "aes"@cipher is not 'nacl/secretbox'
		.cipher.nonce = "AAAA"@nonce has 3 bytes
		.kdf.salt = "AAAA"@salt has 3 bytes
		.ciphertext = "AAAA"@ciphertext has 3 bytes
		.ciphertext = "****"@ciphertext is not base64
		.ciphertext |= .[0:-8] + "AAAAAAA="@passphrase is wrong, or the key file was changed
		.kdf = 3@kdf: expected
		[]@is not
	EOF
}

@test "generate-key makes a pair that signs; the private half is encrypted and closed" {
	umask 022
	COSIGN_PASSWORD=sesame actool generate-key release
	[ "$(stat -c %a release.key release.pub | tr '\n' ' ')" = "600 644 " ]
	head -n 1 release.key | grep -qx -- '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----'
	sed -n '/^-/!p' release.key | base64 -d > inner
	[ "$(jq -c '[.kdf.name, .kdf.params, .cipher.name]' inner)" = \
		'["scrypt",{"N":65536,"r":8,"p":1},"nacl/secretbox"]' ]
	openssl pkey -pubin -in release.pub -noout -text | grep -q prime256v1
	actool sign --key release.key --passphrase-fd 3 a.aci 3<<< sesame
	actool verify --key release.pub a.aci
	COSIGN_PASSWORD=x run -1 actool generate-key release
	[[ $output == *"'release.key' is there already; --overwrite"* ]]
	rm release.key
	COSIGN_PASSWORD=x run -1 actool generate-key release
	[[ $output == *"'release.pub' is there already"* ]]
	[ ! -e release.key ]
	COSIGN_PASSWORD=x actool generate-key --overwrite release
	run -1 actool verify --key release.pub a.aci
	COSIGN_PASSWORD='' run -0 actool generate-key empty
	[[ $output == *"warning: the passphrase is empty"* ]]
	COSIGN_PASSWORD='' actool sign --overwrite --key empty.key a.aci
	actool verify --key empty.pub a.aci
	run -1 setsid -w actool generate-key other < /dev/null
	[ ! -e other.key ]
	[ ! -e other.pub ]
}

# Answer prompts on a terminal: typed PROMPT ANSWER [PROMPT ANSWER]...; the command is in ./cmd.
typed() {
	local pid
	rm -f keys screen
	mkfifo keys
	# A shell's background jobs ignore SIGINT.
	env --default-signal=INT script -qefc 'exec sh ./cmd' screen < keys > /dev/null 2>&1 3>&- &
	pid=$!
	exec 7> keys
	while [ $# -gt 0 ]; do
		until grep -q "$1" screen 2> /dev/null; do
			kill -0 $pid || return 99
			sleep 0.05
		done
		printf '%s\n' "$2" >&7
		shift 2
	done
	exec 7>&-
	wait $pid
}

@test "on a terminal the passphrase is asked for, and not shown" {
	echo "exec actool generate-key k" > cmd
	typed 'New passphrase for' open-sesame 'The same again' open-sesame
	[ -s k.key ]
	run ! grep -q open-sesame screen
	echo "exec actool sign --key k.key a.aci" > cmd
	typed "Passphrase of the key 'k.key'" open-sesame
	run ! grep -q open-sesame screen
	actool verify --key k.pub a.aci
	echo "exec actool generate-key j" > cmd
	run typed 'New passphrase for' one 'The same again' two
	[ "$status" = 1 ]
	grep -q 'not the same' screen
	[ ! -e j.key ]
	# Ctrl-C: the terminal is as it was.
	rm a.aci.sigstore.json
	cat > cmd <<- 'EOF'
		trap : INT
		actool sign --key k.key a.aci
		echo "ended with $?"
		stty -a | tr ' ' '\n' | grep -x -e 'echo' -e '-echo'
	EOF
	typed "Passphrase of the key 'k.key'" $'\003'
	grep -q 'ended with 130' screen
	grep -q '^echo' screen
	[ ! -e a.aci.sigstore.json ]
}

@test "several keys count together with OpenPGP ones; one key counts once, however it is spelt" {
	newkey p256 ed
	export GNUPGHOME=$BATS_TEST_TMPDIR/g
	GNUPGHOME=$(mktemp -d /tmp/ac-sigstore.XXXXXX)
	gpg --batch --quiet --passphrase '' --quick-gen-key 'Me <me@localhost>' ed25519 sign never
	gpg --batch --armor --export > me.asc
	actool sign a.aci
	gpgconf --kill all
	rm -rf "$GNUPGHOME"
	actool sign --key p256.key a.aci
	actool sign --key ed.key --type bare a.aci
	run -0 --separate-stderr actool verify --json --require 3 --key me.asc --key p256.pub --key ed.pub a.aci
	[ "$(jq -r '.[0] | [.verified, .required, ([.good[].kind] | sort | join(","))] | join(" ")' <<< "$output")" = \
		"true 3 bare,openpgp,sigstore" ]
	[ "$(jq -r '.[0].good[] | select(.kind == "sigstore").key' <<< "$output")" = \
		"$(openssl pkey -pubin -in p256.pub -outform DER | sha256sum | cut -d' ' -f1)" ]
	run -1 actool verify --require 3 --key me.asc --key p256.pub a.aci
	# The same key, its point compressed: no second signer.
	openssl ec -in p256.key -pubout -conv_form compressed > same.pub
	run ! cmp -s p256.pub same.pub
	actool sign --overwrite --key p256.key --type bare a.aci
	actool verify --key same.pub a.aci
	run -1 actool verify --require 2 --key p256.pub --key same.pub a.aci
	actool sign --key ed.key --bundle second.json a.aci
	actool verify --require 2 --key p256.pub --key ed.pub --bundle second.json --bundle a.aci.sigstore.json a.aci
	run -1 actool verify --require 2 --key p256.pub --key ed.pub --bundle second.json --bundle second.json a.aci
}

@test "several bundles in one file, one a line" {
	newkey p256 ed p384
	keys=(--key p256.pub --key ed.pub --key p384.pub)
	actool sign --append --key p256.key a.aci
	actool verify --key p256.pub a.aci
	actool sign --append --key ed.key a.aci
	[ "$(wc -l < a.aci.sigstore.json)" = 2 ]
	[ "$(jq -r .mediaType a.aci.sigstore.json | wc -l)" = 2 ]
	actool verify --key p256.pub a.aci
	actool verify --require 2 "${keys[@]}" a.aci
	run -1 actool verify --require 3 "${keys[@]}" a.aci
	# The same key once more is one signer.
	actool sign --append --key ed.key a.aci
	run -1 actool verify --require 3 "${keys[@]}" a.aci
	[[ $output == *"good signatures by 2 of 3 required keys"* ]]
	actool sign --append --key p384.key a.aci
	actool verify --require 3 "${keys[@]}" a.aci
	# As written by hand: laid out over lines, with empty ones between, and DOS ends.
	cp a.aci.sigstore.json lines
	jq . lines > a.aci.sigstore.json
	actool verify --require 3 "${keys[@]}" a.aci
	{ echo && sed 's/$/\r\n\r/' lines && echo; } > a.aci.sigstore.json
	actool verify --require 3 "${keys[@]}" a.aci
	# One that is broken, or of another file, hides no other, wherever it stands.
	echo other > other.aci
	actool sign --key p256.key other.aci
	for bad in '{"mediaType":}' '{}' '{"a":"}' "$(cat other.aci.sigstore.json)"; do
		{ echo "$bad" && cat lines && echo "$bad"; } > a.aci.sigstore.json
		actool verify --require 3 "${keys[@]}" a.aci
	done
	{ echo '{}' && echo '{}'; } > a.aci.sigstore.json
	run -1 actool verify "${keys[@]}" a.aci
	[[ $output == *"bundle 2: mediaType: "* ]]
	cp a.aci.sigstore.json was
	run -1 actool sign --append --key p256.key a.aci
	[[ $output == *"what is there already: "* ]]
	cmp was a.aci.sigstore.json
	# An array is what no tool writes.
	jq -s . lines > a.aci.sigstore.json
	run -1 actool verify "${keys[@]}" a.aci
	[[ $output == *"it is no JSON object but an array; several bundles in one file stand one a line"* ]]
	# 32 are looked at.
	for _ in $(seq 32); do cat other.aci.sigstore.json; done > many
	{ head -n 1 lines && cat many lines; } > a.aci.sigstore.json
	run -1 actool verify --key ed.pub a.aci
	run -0 actool verify --key p256.pub a.aci
	[[ $output == *"there are more bundles in the file than are looked at (32)"* ]]
	{ head -n 31 many && sed -n 2p lines; } > a.aci.sigstore.json
	actool verify --key ed.pub a.aci
	run -1 actool sign --append --key p256.key a.aci
	[[ $output == *"there are 32 bundles already"* ]]
	yes '' | head -c 8000000 > a.aci.sigstore.json
	run -1 timeout 60 actool verify --key ed.pub a.aci
	[[ $output == *"the file is empty"* ]]
}

@test "options that do not go together, and values that are none" {
	newkey p256 ed
	run -2 actool sign --type sigstore a.aci
	run -2 actool sign --key p256.key --type pgp a.aci
	run -2 actool sign --key p256.key --digest sha1 a.aci
	run -2 actool sign --key ed.key --digest sha256 a.aci
	run -2 actool sign --key p256.key --append --type bare a.aci
	run -2 actool sign --key p256.key --local-user me a.aci
	[ ! -e a.aci.sigstore.json ]
	run -2 actool generate-key
}

@test "several files; one that is there already; a key that others can read" {
	newkey p256
	cp a.aci b.aci
	run -1 actool sign --key p256.key a.aci none.aci b.aci c.tar
	[[ $output == *"none.aci: "* ]]
	[[ $output == *".sigstore.json"* ]]
	actool verify --key p256.pub a.aci b.aci
	cp a.aci.sigstore.json was
	run -1 actool sign --key p256.key a.aci
	[[ $output == *"--overwrite"* ]]
	cmp was a.aci.sigstore.json
	chmod 644 p256.key
	run -0 actool sign --overwrite --key p256.key a.aci
	[[ $output == *"warning: the private key 'p256.key' is open to other users (mode 0644)"* ]]
	mkdir d.aci
	run -1 actool sign --key p256.key d.aci
	run -1 actool verify --key p256.pub --bundle was d.aci
}

@test "a large file is signed and checked without its size in memory" {
	newkey ed rsa
	truncate -s 200M big.aci
	for k in ed rsa; do
		prlimit --as=134217728 actool sign --overwrite --key $k.key big.aci
		prlimit --as=134217728 actool verify --key $k.pub big.aci
	done
}

@test "garbage for a bundle or a signature has a message" {
	newkey p256
	for text in '' '{' '{}' '[]' 'null' '{"mediaType":3}' '{"base64Signature":{}}' '{"verificationMaterial":[]}'; do
		printf '%s' "$text" > a.aci.sigstore.json
		run -1 actool verify --key p256.pub a.aci
		[[ $output == "actool: a.aci: "?* ]]
	done
	head -c 9000000 /dev/zero > a.aci.sigstore.json
	run -1 actool verify --key p256.pub a.aci
	rm a.aci.sigstore.json
	: > a.aci.sig
	run -1 actool verify --key p256.pub a.aci
	head -c 5000 /dev/urandom > a.aci.sig
	run -1 actool verify --key p256.pub a.aci
	rm a.aci.sig
	run -1 actool verify --key p256.pub a.aci
	[[ $output == *"there is no file 'a.aci.sigstore.json' and 'a.aci.sig'"* ]]
	run -1 actool verify --key p256.pub --bundle none a.aci
}
