/* ownership: who owns the files of a sandbox that an ordinary user made.
 *
 * On disk everything belongs to that user; an owner other than 0:0 is recorded in an extended attribute,
 * "user.rootlesscontainers": a message of two protobuf varints, field 1 the user and field 2 the group, where
 * 0 is written as 0xffffffff.  Source: rootlesscontaine.rs, proto/rootlesscontainers.proto; spec
 * image-formats.md, 5.2.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define OWNERSHIP_XATTR    "user.rootlesscontainers"
#define OWNERSHIP_SIZE_MAX 12 /* two tags, two varints of 32 bits */

size_t ownership_encode(uint32_t uid, uint32_t gid, uint8_t ret[OWNERSHIP_SIZE_MAX]);
/* -EBADMSG for anything but such a message. */
int ownership_decode(const uint8_t *bytes, size_t size, uint32_t *ret_uid, uint32_t *ret_gid);
