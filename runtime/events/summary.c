/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding of events. A scalar's is written by hand, since one is logged at every step:
 *
 *   09 f64 wall_time │ 10 varint step │ 2a n summary: 0a n value: 0a n tag │ 15 f32 number
 *
 * The rest are protobuf-c messages that stand on the stack, packed into a block with room for the record's frame, so that the
 * only allocation is the block. Metadata is in every event: readers use the first of a tag that they see, which may be any. */
#include "events/summary.h"

#include <stdio.h>
#include <string.h>

#include "events/record.h"
#include "tensorboard.pb-c.h"

/* ---- scalars ---- */

enum { TAG_MAX = 1000, VARINT_MAX = 10 };

static uint8_t *put_varint(uint8_t *out, uint64_t x) {
	while (x >= 128) {
		*out++ = (uint8_t)(x | 128);
		x >>= 7;
	}
	*out++ = (uint8_t)x;
	return out;
}

static uint8_t *put_bits(uint8_t *out, uint64_t bits, int bytes) {
	for (int i = 0; i < bytes; i++) {
		out[i] = (uint8_t)(bits >> 8 * i);
	}
	return out + bytes;
}

bool tn_event_tag_init(struct tn_event_tag *tag, const char *name, size_t length, struct tn_error *err) {
	if (length == 0 || length > TAG_MAX) {
		return tn_error_set(err, TN_ERR_VALUE,
			length == 0 ? "the name of a value is empty" : "the name of a value has %zu bytes, it may have %d", length,
			(int)TAG_MAX);
	}
	tag->name = tn_strndup(name, length);
	tag->prefix = tn_alloc(length + 2 + VARINT_MAX);
	if (tag->name == NULL || tag->prefix == NULL) {
		tn_event_tag_finish(tag);
		return tn_error_memory(err);
	}
	tag->name_length = (uint32_t)length;
	tag->prefix[0] = 0x0a;
	uint8_t *end = put_varint(tag->prefix + 1, length);
	memcpy(end, name, length);
	end[length] = 0x15;
	tag->prefix_length = (uint32_t)(end + length + 1 - tag->prefix);
	return true;
}

void tn_event_tag_finish(struct tn_event_tag *tag) {
	tn_free(tag->name);
	tn_free(tag->prefix);
	*tag = (struct tn_event_tag){0};
}

size_t tn_event_scalar_room(const struct tn_event_tag *tag) {
	return TN_RECORD_HEAD + TN_RECORD_TAIL + 9 + 1 + VARINT_MAX + 2 * (1 + VARINT_MAX) + tag->prefix_length + 4;
}

size_t tn_event_scalar_encode(const struct tn_event_scalar *scalar, uint8_t *record) {
	uint8_t *out = record + TN_RECORD_HEAD;
	const uint32_t value_length = scalar->tag->prefix_length + 4;
	uint64_t wall_bits;
	uint32_t value_bits;

	memcpy(&wall_bits, &scalar->wall_time, 8);
	memcpy(&value_bits, &scalar->value, 4);
	*out++ = 0x09;
	out = put_bits(out, wall_bits, 8);
	*out++ = 0x10;
	out = put_varint(out, (uint64_t)scalar->step);
	*out++ = 0x2a;
	out = put_varint(out, 1 + (value_length < 128 ? 1u : 2u) + value_length); /* TAG_MAX keeps it below 2^14 */
	*out++ = 0x0a;
	out = put_varint(out, value_length);
	memcpy(out, scalar->tag->prefix, scalar->tag->prefix_length);
	out = put_bits(out + scalar->tag->prefix_length, value_bits, 4);
	const size_t length = (size_t)(out - record) - TN_RECORD_HEAD;
	tn_record_close(record, length);
	return length + TN_RECORD_HEAD + TN_RECORD_TAIL;
}

/* ---- the rest ---- */

static struct tn_event_block *pack(const Tn__Event *event, struct tn_error *err) {
	const size_t length = tn__event__get_packed_size(event);
	struct tn_event_block *block = tn_alloc(sizeof(*block) + length + TN_RECORD_HEAD + TN_RECORD_TAIL);
	if (block == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	tn__event__pack(event, block->bytes + TN_RECORD_HEAD);
	tn_record_close(block->bytes, length);
	block->length = length + TN_RECORD_HEAD + TN_RECORD_TAIL;
	return block;
}

struct tn_event_block *tn_event_version(double wall_time, struct tn_error *err) {
	Tn__SourceMetadata source = TN__SOURCE_METADATA__INIT;
	Tn__Event event = TN__EVENT__INIT;
	source.writer = "tenon";
	event.wall_time = wall_time;
	event.file_version = "brain.Event:2";
	event.source_metadata = &source;
	return pack(&event, err);
}

struct tn_event_block *tn_event_session(double wall_time, int64_t step, bool start, struct tn_error *err) {
	Tn__SessionLog log = TN__SESSION_LOG__INIT;
	Tn__Event event = TN__EVENT__INIT;
	log.status = start ? TN__SESSION_LOG__STATUS__START : TN__SESSION_LOG__STATUS__STOP;
	event.wall_time = wall_time;
	event.step = step;
	event.session_log = &log;
	return pack(&event, err);
}

struct plugin {
	const char *name;
	Tn__DataClass data_class;
	ProtobufCBinaryData content;
};

/* An event of one value of a plugin; `tensor` may be NULL. */
static struct tn_event_block *pack_value(
	const struct tn_event_place *place, const struct plugin *plugin, Tn__TensorProto *tensor, struct tn_error *err) {
	Tn__SummaryMetadata__PluginData data = TN__SUMMARY_METADATA__PLUGIN_DATA__INIT;
	Tn__SummaryMetadata metadata = TN__SUMMARY_METADATA__INIT;
	Tn__Summary__Value value = TN__SUMMARY__VALUE__INIT, *values[] = {&value};
	Tn__Summary summary = TN__SUMMARY__INIT;
	Tn__Event event = TN__EVENT__INIT;

	data.plugin_name = (char *)plugin->name;
	data.content = plugin->content;
	metadata.plugin_data = &data;
	metadata.data_class = plugin->data_class;
	value.tag = (char *)place->tag;
	value.metadata = &metadata;
	value.tensor = tensor;
	summary.n_value = 1;
	summary.value = values;
	event.wall_time = place->wall_time;
	event.step = place->step;
	event.summary = &summary;
	return pack(&event, err);
}

struct tn_event_block *tn_event_histogram(
	const struct tn_event_place *place, const double *rows, size_t bucket_count, struct tn_error *err) {
	Tn__TensorShapeProto__Dim rows_dim = TN__TENSOR_SHAPE_PROTO__DIM__INIT, columns_dim = TN__TENSOR_SHAPE_PROTO__DIM__INIT;
	Tn__TensorShapeProto__Dim *dims[] = {&rows_dim, &columns_dim};
	Tn__TensorShapeProto shape = TN__TENSOR_SHAPE_PROTO__INIT;
	Tn__TensorProto tensor = TN__TENSOR_PROTO__INIT;
	const struct plugin plugin = {.name = "histograms", .data_class = TN__DATA_CLASS__DATA_CLASS_TENSOR};

	rows_dim.size = (int64_t)bucket_count;
	columns_dim.size = 3;
	shape.n_dim = 2;
	shape.dim = dims;
	tensor.dtype = TN__DATA_TYPE__DT_DOUBLE;
	tensor.tensor_shape = &shape;
	tensor.tensor_content = (ProtobufCBinaryData){bucket_count * 3 * sizeof(double), (uint8_t *)rows};
	return pack_value(place, &plugin, &tensor, err);
}

/* A tensor of `count` strings; a single one without an axis when `scalar`. */
static struct tn_event_block *pack_strings(const struct tn_event_place *place, const struct plugin *plugin,
	ProtobufCBinaryData *strings, size_t count, struct tn_error *err) {
	Tn__TensorShapeProto__Dim dim = TN__TENSOR_SHAPE_PROTO__DIM__INIT, *dims[] = {&dim};
	Tn__TensorShapeProto shape = TN__TENSOR_SHAPE_PROTO__INIT;
	Tn__TensorProto tensor = TN__TENSOR_PROTO__INIT;

	dim.size = (int64_t)count;
	shape.n_dim = count == 1 ? 0 : 1;
	shape.dim = dims;
	tensor.dtype = TN__DATA_TYPE__DT_STRING;
	tensor.tensor_shape = &shape;
	tensor.n_string_val = count;
	tensor.string_val = strings;
	return pack_value(place, plugin, &tensor, err);
}

static ProtobufCBinaryData bytes_of(const char *bytes, size_t length) {
	return (ProtobufCBinaryData){length, (uint8_t *)bytes};
}

struct tn_event_block *tn_event_image(
	const struct tn_event_place *place, int64_t width, int64_t height, const struct tn_str *png, struct tn_error *err) {
	const struct plugin plugin = {.name = "images", .data_class = TN__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE};
	char width_text[24], height_text[24];
	const int width_length = snprintf(width_text, sizeof(width_text), "%lld", (long long)width);
	const int height_length = snprintf(height_text, sizeof(height_text), "%lld", (long long)height);
	ProtobufCBinaryData strings[] = {bytes_of(width_text, (size_t)width_length), bytes_of(height_text, (size_t)height_length),
		bytes_of(png->data, png->length)};
	return pack_strings(place, &plugin, strings, TN_ARRAY_LEN(strings), err);
}

struct tn_event_block *tn_event_text(const struct tn_event_place *place, const char *text, size_t length, struct tn_error *err) {
	const struct plugin plugin = {.name = "text", .data_class = TN__DATA_CLASS__DATA_CLASS_TENSOR};
	ProtobufCBinaryData string = bytes_of(text, length);
	return pack_strings(place, &plugin, &string, 1, err);
}

/* ---- hyperparameters ---- */

static struct tn_event_block *pack_hparams(
	const char *tag, double wall_time, const Tn__HParamsPluginData *data, struct tn_error *err) {
	const size_t length = tn__hparams_plugin_data__get_packed_size(data);
	uint8_t *content = tn_alloc(length);
	if (content == NULL) {
		tn_error_memory(err);
		return NULL;
	}
	tn__hparams_plugin_data__pack(data, content);
	const struct plugin plugin = {"hparams", TN__DATA_CLASS__DATA_CLASS_TENSOR, {length, content}};
	Tn__TensorShapeProto__Dim dim = TN__TENSOR_SHAPE_PROTO__DIM__INIT, *dims[] = {&dim};
	Tn__TensorShapeProto shape = TN__TENSOR_SHAPE_PROTO__INIT;
	Tn__TensorProto nothing = TN__TENSOR_PROTO__INIT; /* what readers want where a value has metadata only */
	shape.n_dim = 1;
	shape.dim = dims;
	nothing.dtype = TN__DATA_TYPE__DT_FLOAT;
	nothing.tensor_shape = &shape;
	struct tn_event_block *block =
		pack_value(&(struct tn_event_place){.tag = tag, .wall_time = wall_time}, &plugin, &nothing, err);
	tn_free(content);
	return block;
}

struct hparam_message {
	Tn__Value value;
	Tn__SessionStartInfo__HparamsEntry entry;
};

static void fill_hparam(struct hparam_message *message, const struct tn_event_hparam *hparam) {
	tn__value__init(&message->value);
	tn__session_start_info__hparams_entry__init(&message->entry);
	switch (hparam->kind) {
	case TN_HPARAM_FLOAT:
	case TN_HPARAM_INT:
		message->value.kind_case = TN__VALUE__KIND_NUMBER_VALUE;
		message->value.number_value = hparam->number;
		break;
	case TN_HPARAM_BOOL:
		message->value.kind_case = TN__VALUE__KIND_BOOL_VALUE;
		message->value.bool_value = hparam->number != 0;
		break;
	case TN_HPARAM_TEXT:
		message->value.kind_case = TN__VALUE__KIND_STRING_VALUE;
		message->value.string_value = hparam->text;
		break;
	}
	message->entry.key = (char *)hparam->name;
	message->entry.value = &message->value;
}

struct tn_event_block *tn_event_hparams_start(
	double wall_time, const struct tn_event_hparam *hparams, size_t count, struct tn_error *err) {
	Tn__HParamsPluginData data = TN__HPARAMS_PLUGIN_DATA__INIT;
	Tn__SessionStartInfo start = TN__SESSION_START_INFO__INIT;
	struct hparam_message *messages = tn_calloc(count + 1, sizeof(*messages));
	Tn__SessionStartInfo__HparamsEntry **entries = tn_calloc(count + 1, sizeof(*entries));
	struct tn_event_block *block = NULL;

	if (messages == NULL || entries == NULL) {
		tn_error_memory(err);
		goto done;
	}
	for (size_t i = 0; i < count; i++) {
		fill_hparam(&messages[i], &hparams[i]);
		entries[i] = &messages[i].entry;
	}
	start.start_time_secs = wall_time;
	start.n_hparams = count;
	start.hparams = entries;
	data.session_start_info = &start;
	block = pack_hparams("_hparams_/session_start_info", wall_time, &data, err);
done:
	tn_free(entries);
	tn_free(messages);
	return block;
}

struct tn_event_block *tn_event_hparams_end(double wall_time, bool success, struct tn_error *err) {
	Tn__HParamsPluginData data = TN__HPARAMS_PLUGIN_DATA__INIT;
	Tn__SessionEndInfo end = TN__SESSION_END_INFO__INIT;
	end.status = success ? TN__RUN_STATUS__STATUS_SUCCESS : TN__RUN_STATUS__STATUS_FAILURE;
	end.end_time_secs = wall_time;
	data.session_end_info = &end;
	return pack_hparams("_hparams_/session_end_info", wall_time, &data, err);
}
