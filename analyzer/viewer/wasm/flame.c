/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile as the page draws it: the tree of report/profile_tree.h, in its order.
 *
 * Rules: the page has an element for each node, so there are at most FLAME_NODES_MAX.
 */
#include <stdlib.h>
#include <string.h>

#include "report/profile_tree.h"
#include "viewer.h"

#define FLAME_NODES_MAX 3000

static json_t *node_json(const struct report *report, const struct profile_node *node)
{
	json_t *json = json_object();

	json_put(json, "depth", json_integer(node->depth));
	json_put(json, "kind", node->kind ? json_string(node->kind) : json_null());
	json_put(json, "name", node->name ? json_string(node->name) : json_null());
	json_put(json, "scanned", json_boolean(node->scanned));
	json_put(json, "script", json_boolean(node->is_script));
	json_put(json, "branches", json_integer(node->branches));
	json_put(json, "samples", json_integer((json_int_t)node->samples));
	json_put(json, "ns", json_integer((json_int_t)timeline_ns(report->timeline, node->ticks)));
	return json;
}

static json_t *nodes_json(const struct report *report)
{
	size_t count;
	struct profile_node *nodes = profile_tree(report, FLAME_NODES_MAX, &count);
	json_t *json = nodes ? json_array() : NULL;

	for (size_t i = 0; json && i < count; i++)
		json_array_append_new(json, node_json(report, &nodes[i]));
	free(nodes);
	return json;
}

void flame_take(const struct report *report)
{
	bool has_profile = report->profile && report->profile->count > 0;
	json_t *json = has_profile ? nodes_json(report) : json_null();

	free(viewer.flame);
	viewer.flame = json ? strdup(json_text_of(json)) : NULL;
	json_decref(json);
}

/* The nodes of the last figures' profile; null: it has none. NULL: no memory. */
EXPORT(page_flame) const char *page_flame(void)
{
	return viewer.flame;
}
