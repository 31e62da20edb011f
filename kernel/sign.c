/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC by libsodium, for the two schemes that it has and that launchers use. */
#include "kernel/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tn_signer_init(struct tn_signer *signer, const char *scheme, const char *key, struct tn_error *err) {
	const unsigned char *bytes = (const unsigned char *)key;
	*signer = (struct tn_signer){.scheme = TN_SIGN_NONE};
	if (key[0] == '\0') {
		return true;
	}
	if (strcmp(scheme, "hmac-sha256") == 0) {
		signer->scheme = TN_SIGN_SHA256;
		crypto_auth_hmacsha256_init(&signer->sha256, bytes, strlen(key));
	} else if (strcmp(scheme, "hmac-sha512") == 0) {
		signer->scheme = TN_SIGN_SHA512;
		crypto_auth_hmacsha512_init(&signer->sha512, bytes, strlen(key));
	} else {
		return tn_error_set(err, TN_ERR_VALUE, "signature_scheme '%s' is not known: hmac-sha256 and hmac-sha512 are", scheme);
	}
	return true;
}

void tn_signer_finish(struct tn_signer *signer) {
	sodium_memzero(signer, sizeof(*signer));
}

size_t tn_signer_sign(const struct tn_signer *signer, const struct tn_part parts[TN_SIGN_PARTS], char hex[TN_SIGN_HEX_MAX + 1]) {
	unsigned char digest[crypto_auth_hmacsha512_BYTES];
	size_t size = 0;
	if (signer->scheme == TN_SIGN_SHA256) {
		crypto_auth_hmacsha256_state state = signer->sha256;
		for (size_t i = 0; i < TN_SIGN_PARTS; i++) {
			crypto_auth_hmacsha256_update(&state, (const unsigned char *)parts[i].data, parts[i].size);
		}
		crypto_auth_hmacsha256_final(&state, digest);
		size = crypto_auth_hmacsha256_BYTES;
	} else if (signer->scheme == TN_SIGN_SHA512) {
		crypto_auth_hmacsha512_state state = signer->sha512;
		for (size_t i = 0; i < TN_SIGN_PARTS; i++) {
			crypto_auth_hmacsha512_update(&state, (const unsigned char *)parts[i].data, parts[i].size);
		}
		crypto_auth_hmacsha512_final(&state, digest);
		size = crypto_auth_hmacsha512_BYTES;
	}
	sodium_bin2hex(hex, TN_SIGN_HEX_MAX + 1, digest, size);
	return 2 * size;
}

uint64_t tn_signer_mark(const struct tn_signer *signer, struct tn_part signature) {
	char digits[2 * sizeof(uint64_t) + 1];
	if (signer->scheme == TN_SIGN_NONE) {
		return 0;
	}
	snprintf(digits, sizeof(digits), "%.*s", (int)signature.size, signature.data);
	uint64_t mark = strtoull(digits, NULL, 16);
	return mark != 0 ? mark : 1;
}

bool tn_signer_check(const struct tn_signer *signer, const struct tn_part parts[TN_SIGN_PARTS], struct tn_part signature) {
	char hex[TN_SIGN_HEX_MAX + 1];
	if (signer->scheme == TN_SIGN_NONE) {
		return true; /* what a client without a key puts there is not looked at */
	}
	size_t size = tn_signer_sign(signer, parts, hex);
	return signature.size == size && sodium_memcmp(hex, signature.data, size) == 0;
}
