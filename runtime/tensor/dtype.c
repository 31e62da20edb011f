/* SPDX-License-Identifier: Apache-2.0 */
/* Element types: their table, promotion (LANGUAGE.md section 3), and conversions of single elements between them and the
 * numbers of C. Kernels have typed loops of their own; what is here serves the host side. */
#include <string.h>

#include "tensor/dtype.h"

enum dtype_class { CLASS_B, CLASS_I, CLASS_F };

struct dtype_row {
	const char *name;
	size_t size;
	enum dtype_class class;
	int rank;
};

static const struct dtype_row rows[TN_DTYPE_COUNT] = {
#define TN_DTYPE(id, name, size, class, rank) [TN_DTYPE_##id] = {name, size, CLASS_##class, rank},
#include "tensor/dtypes.def"
#undef TN_DTYPE
};

size_t tn_dtype_size(enum tn_dtype dtype) {
	return rows[dtype].size;
}

const char *tn_dtype_name(enum tn_dtype dtype) {
	return rows[dtype].name;
}

bool tn_dtype_from_name(const char *name, size_t length, enum tn_dtype *out) {
	for (int i = 0; i < TN_DTYPE_COUNT; i++) {
		if (strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0) {
			*out = (enum tn_dtype)i;
			return true;
		}
	}
	return false;
}

bool tn_dtype_is_float(enum tn_dtype dtype) {
	return rows[dtype].class == CLASS_F;
}

bool tn_dtype_is_integer(enum tn_dtype dtype) {
	return rows[dtype].class == CLASS_I;
}

enum tn_dtype tn_dtype_promote(enum tn_dtype a, enum tn_dtype b) {
	if (rows[a].rank == rows[b].rank) {
		return a == b ? a : TN_DTYPE_F32; /* f16 with bf16: neither holds the other */
	}
	return rows[a].rank > rows[b].rank ? a : b;
}

float tn_bf16_to_f32(uint16_t x) {
	uint32_t bits = (uint32_t)x << 16;
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

uint16_t tn_f32_to_bf16(float x) {
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	if ((bits & 0x7fffffffu) > 0x7f800000u) {
		return (uint16_t)(bits >> 16 | 0x40); /* a NaN stays one, quiet */
	}
	return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

float tn_f16_to_f32(uint16_t x) {
	uint32_t sign = (uint32_t)(x & 0x8000u) << 16, exponent = x >> 10 & 31, fraction = x & 1023, bits;
	float f;

	if (exponent == 0) { /* zero and subnormals: fraction * 2^-24 is exact */
		f = (float)fraction * 0x1p-24f;
		memcpy(&bits, &f, sizeof(bits));
		bits |= sign;
	} else if (exponent == 31) {
		bits = sign | 0x7f800000u | fraction << 13;
	} else {
		bits = sign | (exponent + 112) << 23 | fraction << 13;
	}
	memcpy(&f, &bits, sizeof(f));
	return f;
}

uint16_t tn_f32_to_f16(float x) {
	uint32_t bits, sign, magnitude, rest;

	memcpy(&bits, &x, sizeof(bits));
	sign = bits >> 16 & 0x8000u;
	magnitude = bits & 0x7fffffffu;
	if (magnitude > 0x7f800000u) {
		return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
	}
	if (magnitude >= 0x477ff000u) { /* 65520 and above round to infinity */
		return (uint16_t)(sign | 0x7c00u);
	}
	if (magnitude < 0x38800000u) { /* below 2^-14: adding 0.5 aligns the units of 2^-24 and rounds to even */
		float f;

		memcpy(&f, &magnitude, sizeof(f));
		f += 0.5f;
		memcpy(&rest, &f, sizeof(rest));
		return (uint16_t)(sign | (rest - 0x3f000000u));
	}
	magnitude += 0xfffu + (magnitude >> 13 & 1);
	return (uint16_t)(sign | (magnitude - 0x38000000u) >> 13);
}

/* An element by its bytes: copied in and out by memcpy, so that any address will do. */
union element {
	double f64;
	float f32;
	uint16_t half;
	int64_t i64;
	int32_t i32;
	uint8_t u8;
};

double tn_element_f64(enum tn_dtype dtype, const void *p) {
	union element e;

	memcpy(&e, p, rows[dtype].size);
	switch (dtype) {
	case TN_DTYPE_F64:
		return e.f64;
	case TN_DTYPE_F32:
		return (double)e.f32;
	case TN_DTYPE_BF16:
		return (double)tn_bf16_to_f32(e.half);
	case TN_DTYPE_F16:
		return (double)tn_f16_to_f32(e.half);
	default:
		return (double)tn_element_i64(dtype, p);
	}
}

/* Truncates; NaN gives 0, and what is out of range the nearest i64. */
static int64_t saturate(double x) {
	if (x != x) {
		return 0;
	}
	if (x >= 0x1p63) {
		return INT64_MAX;
	}
	return x < -0x1p63 ? INT64_MIN : (int64_t)x;
}

int64_t tn_element_i64(enum tn_dtype dtype, const void *p) {
	union element e;

	memcpy(&e, p, rows[dtype].size);
	switch (dtype) {
	case TN_DTYPE_I64:
		return e.i64;
	case TN_DTYPE_I32:
		return e.i32;
	case TN_DTYPE_U8:
		return e.u8;
	case TN_DTYPE_BOOL8:
		return e.u8 != 0;
	default:
		return saturate(tn_element_f64(dtype, p));
	}
}

void tn_element_set_f64(enum tn_dtype dtype, void *p, double x) {
	union element e;

	switch (dtype) {
	case TN_DTYPE_F64:
		e.f64 = x;
		break;
	case TN_DTYPE_F32:
		e.f32 = (float)x;
		break;
	case TN_DTYPE_BF16:
		e.half = tn_f32_to_bf16((float)x);
		break;
	case TN_DTYPE_F16:
		e.half = tn_f32_to_f16((float)x);
		break;
	case TN_DTYPE_BOOL8:
		e.u8 = x != 0;
		break;
	default:
		tn_element_set_i64(dtype, p, saturate(x));
		return;
	}
	memcpy(p, &e, rows[dtype].size);
}

void tn_element_set_i64(enum tn_dtype dtype, void *p, int64_t x) {
	union element e;

	switch (dtype) {
	case TN_DTYPE_I64:
		e.i64 = x;
		break;
	case TN_DTYPE_I32:
		e.i32 = (int32_t)(uint64_t)x;
		break;
	case TN_DTYPE_U8:
		e.u8 = (uint8_t)x;
		break;
	case TN_DTYPE_BOOL8:
		e.u8 = x != 0;
		break;
	case TN_DTYPE_F32:
		e.f32 = (float)x;
		break; /* one rounding, not two by way of f64 */
	default:
		tn_element_set_f64(dtype, p, (double)x);
		return;
	}
	memcpy(p, &e, rows[dtype].size);
}
