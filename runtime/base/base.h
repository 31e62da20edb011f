/* SPDX-License-Identifier: Apache-2.0 */
/* The public header of base/: what every folder above includes. */
#ifndef TN_BASE_BASE_H
#define TN_BASE_BASE_H

#include "base/arena.h"
#include "base/cgroup.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/mutation.h"
#include "base/process.h"
#include "base/queue.h"
#include "base/settings.h"
#include "base/source.h"
#include "base/str.h"
#include "base/vec.h"

#endif
