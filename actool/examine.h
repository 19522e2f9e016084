/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACTOOL_EXAMINE_H
#define ACTOOL_EXAMINE_H

/* Find out what a file is, and all that is wrong with it. */

struct ac_secret;
struct report;

/* Examine r->file ("-": standard input) as what r->type says, or as what it
 * looks like.  What is to be said is in *r afterwards.  SECRET opens images
 * that are encrypted. */
void examine(struct report *r, struct ac_secret *secret);

#endif
