#!/usr/bin/env bash
# Makes every certificate of the tests anew, with openssl 3. The files are committed, so tests need no openssl.
set -euo pipefail
cd "$(dirname "$0")"

DAYS=36500 # A hundred years.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# key NAME: an EC key of its own.
key() {
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/$1.key"
}

# authority NAME SUBJECT: a root.
authority() {
  key "$1"
  openssl req -x509 -new -key "$work/$1.key" -subj "$2" -days $DAYS -out "$work/$1.pem" -utf8 \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# certificate NAME SUBJECT ISSUER DAYS EXTENSIONS: extensions stand one in a line.
certificate() {
  key "$1"
  openssl req -new -key "$work/$1.key" -subj "$2" -utf8 -out "$work/$1.csr"
  openssl x509 -req -in "$work/$1.csr" -CA "$work/$3.pem" -CAkey "$work/$3.key" -CAcreateserial -days "$4" \
    -out "$work/$1.pem" -extfile <(printf '%s\n' "$5" authorityKeyIdentifier=keyid subjectKeyIdentifier=hash)
}

# expired NAME SUBJECT ISSUER EXTENSIONS: was valid for the first day of 2020.
expired() {
  key "$1"
  openssl req -new -key "$work/$1.key" -subj "$2" -utf8 -out "$work/$1.csr"
  : >"$work/index"
  cat >"$work/ca.conf" <<CONF
[ca]
default_ca = it
[it]
database = $work/index
new_certs_dir = $work
rand_serial = yes
policy = any
default_md = sha256
[any]
commonName = supplied
[extensions]
$4
CONF
  openssl ca -batch -notext -utf8 -config "$work/ca.conf" -extensions extensions \
    -startdate 20200101000000Z -enddate 20200102000000Z \
    -in "$work/$1.csr" -cert "$work/$3.pem" -keyfile "$work/$3.key" -out "$work/$1.pem"
}

LEAF=$'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature'
SERVER="$LEAF"$'\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,DNS:broker.example,IP:127.0.0.1,IP:::1'
CLIENT="$LEAF"$'\nextendedKeyUsage=clientAuth'

authority authority "/CN=Brooklet test authority"
certificate intermediate "/CN=Brooklet test intermediate" authority $DAYS \
  $'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign'
certificate server "/CN=broker.example" intermediate $DAYS "$SERVER"
certificate server_renewed "/CN=renewed.broker.example" intermediate $DAYS "$SERVER"
certificate client "/CN=sensor-1" authority $DAYS "$CLIENT"
certificate client_utf8 "/CN=Fühler 温度" authority $DAYS "$CLIENT"
certificate client_control_character "/CN="$'sensor\n1' authority $DAYS "$CLIENT"
certificate client_without_name "/O=Brooklet" authority $DAYS "$CLIENT"
certificate client_wrong_usage "/CN=sensor-1" authority $DAYS "$LEAF"$'\nextendedKeyUsage=serverAuth'
expired client_expired "/CN=sensor-1" authority "$CLIENT"
authority foreign "/CN=Brooklet test authority of somebody else"
certificate client_foreign "/CN=sensor-1" foreign $DAYS "$CLIENT"

cp "$work/authority.pem" .
for name in server server_renewed; do
  cat "$work/$name.pem" "$work/intermediate.pem" >"$name.pem" # The full chain.
  cp "$work/$name.key" .
done
for name in client client_utf8 client_control_character client_without_name client_wrong_usage client_expired client_foreign; do
  cp "$work/$name.pem" "$work/$name.key" .
done
