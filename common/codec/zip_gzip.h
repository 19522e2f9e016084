/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AC_CODEC_ZIP_GZIP_H
#define AC_CODEC_ZIP_GZIP_H

/* gzip, each block a member, behind zip.h.  Nobody else includes this but its
 * test. */

#include "common/codec/zip_blocks.h"

/* Levels 1 to 12. */
extern const struct ac_block_packer ac_gzip_packer;

#endif
