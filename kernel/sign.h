/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of Jupyter messages: HMAC over the four serialised dictionaries, as hex. Verified over the bytes as they were
 * received, in constant time. An empty key means no signatures, as the protocol has it. */
#ifndef TN_KERNEL_SIGN_H
#define TN_KERNEL_SIGN_H

#include <sodium.h>

#include "base/base.h"

/* Bytes that somebody else owns: a frame of a message, or a part of one. */
struct tn_part {
	const char *data;
	size_t size;
};

enum { TN_SIGN_PARTS = 4, TN_SIGN_HEX_MAX = 2 * crypto_auth_hmacsha512_BYTES };
enum tn_sign_scheme { TN_SIGN_NONE, TN_SIGN_SHA256, TN_SIGN_SHA512 };

/* The states have taken the key in already; each signature begins with a copy. Wiped by finish. */
struct tn_signer {
	enum tn_sign_scheme scheme;
	crypto_auth_hmacsha256_state sha256;
	crypto_auth_hmacsha512_state sha512;
};

/* `scheme` as connection files write it: "hmac-sha256", "hmac-sha512". */
TN_MUST_USE bool tn_signer_init(struct tn_signer *signer, const char *scheme, const char *key, struct tn_error *err);
void tn_signer_finish(struct tn_signer *signer);
/* Writes the signature as hex with a NUL and returns its length: 0 without a key. Any thread. */
size_t tn_signer_sign(const struct tn_signer *signer, const struct tn_part parts[TN_SIGN_PARTS], char hex[TN_SIGN_HEX_MAX + 1]);
/* 64 bits of a signature that is right, not 0; 0 where nothing is signed. */
uint64_t tn_signer_mark(const struct tn_signer *signer, struct tn_part signature);
TN_MUST_USE bool tn_signer_check(
	const struct tn_signer *signer, const struct tn_part parts[TN_SIGN_PARTS], struct tn_part signature);

#endif
