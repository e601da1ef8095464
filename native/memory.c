/*
 * Memory that JavaScript and the kernel share, as ArrayBuffers.
 *
 * The rings are mapped from the ring's descriptor; buffers for direct I/O and
 * small structures that requests point to are anonymous. Both are marked
 * MADV_DONTFORK: a child that shared them, or whose copy-on-write moved our
 * pages away under the kernel's hands, would corrupt both processes.
 */
#include "platform.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20)

struct mapping {
	struct mapping *next;
	struct mapping **link; /* what points at us in the environment's list */
	struct addon *addon;
	void *addr; /* NULL once it is unmapped */
	size_t length;
	int64_t external; /* what the garbage collector was told about */
};

static void mapping_link(struct mapping *mapping)
{
	struct addon *addon = mapping->addon;

	mapping->next = addon->mappings;
	mapping->link = &addon->mappings;
	if (mapping->next)
		mapping->next->link = &mapping->next;
	addon->mappings = mapping;
}

static void mapping_unlink(struct mapping *mapping)
{
	*mapping->link = mapping->next;
	if (mapping->next)
		mapping->next->link = mapping->link;
}

/* Gives the memory back and tells the garbage collector. */
static void release(napi_env env, void *addr, size_t length, int64_t external)
{
	int64_t total;

	munmap(addr, length);
	if (external)
		NAPI_MUST(napi_adjust_external_memory(env, -external, &total));
}

/*
 * Whether the environment is being torn down, which Node-API does not tell: but
 * a call that could run JavaScript is refused then.
 */
static bool is_ending(napi_env env)
{
	napi_value value, result;

	return napi_get_undefined(env, &value) != napi_ok ||
	       napi_coerce_to_bool(env, value, &result) != napi_ok;
}

/*
 * The last ArrayBuffer over this memory is gone, or the environment is.
 *
 * At the end of an environment Node (since 22) finalizes external memory before
 * it runs any cleanup hook, so before rings and queues are drained. What the
 * kernel may still be writing to has to stay.
 */
static void mapping_finalize(napi_env env, void *data, void *hint)
{
	struct mapping *mapping = hint;
	struct addon *addon = mapping->addon;

	(void)data;
	if (mapping->addr) {
		mapping_unlink(mapping);
		if (addon_in_flight(addon) && is_ending(env)) {
			mapping->next = addon->orphans;
			addon->orphans = mapping;
			return;
		}
		release(env, mapping->addr, mapping->length, mapping->external);
	}
	free(mapping);
	addon_put(addon);
}

bool memory_is_ours(const struct addon *addon, const void *data)
{
	const struct mapping *mapping;

	for (mapping = addon->mappings; mapping; mapping = mapping->next)
		if (mapping->addr == data)
			return true;
	return false;
}

void memory_release_orphans(struct addon *addon)
{
	struct mapping *mapping;

	if (addon_in_flight(addon))
		return;
	while ((mapping = addon->orphans)) {
		addon->orphans = mapping->next;
		/* The garbage collector of an environment that is gone needs no numbers. */
		munmap(mapping->addr, mapping->length);
		free(mapping);
		addon_put(addon);
	}
}

/*
 * Wraps [addr, addr + span) as an ArrayBuffer of length bytes. Takes the memory:
 * when it fails, the memory is unmapped. Returns NULL when the environment is
 * going away.
 */
static napi_value wrap(napi_env env, struct addon *addon, void *addr, size_t span, size_t length,
		       int64_t external)
{
	struct mapping *mapping;
	napi_status status;
	napi_value buffer;
	int64_t total;
	int error = ENOMEM;

	mapping = malloc(sizeof(*mapping));
	if (!mapping)
		goto err_unmap;
	mapping->addon = addon;
	mapping->addr = addr;
	mapping->length = span;
	mapping->external = external;
	status = napi_create_external_arraybuffer(env, addr, length, mapping_finalize, mapping,
						  &buffer);
	if (status == napi_no_external_buffers_allowed) {
		error = ENOTSUP;
		goto err_free;
	}
	if (!NAPI_ALIVE(status)) {
		free(mapping);
		munmap(addr, span);
		return NULL;
	}
	mapping_link(mapping);
	addon_get(addon);
	if (external)
		NAPI_MUST(napi_adjust_external_memory(env, external, &total));
	return buffer;

err_free:
	free(mapping);
err_unmap:
	munmap(addr, span);
	return to_i32(env, -error);
}

/* map(fd, length, offset): shared with the kernel, populated so that no fault hits the hot path */
napi_value memory_map(napi_env env, napi_callback_info info)
{
	struct addon *addon;
	napi_value argv[3];
	size_t length, offset;
	int32_t fd;
	void *addr;

	if (!get_args(env, info, 3, argv, (void **)&addon) || !get_i32(env, argv[0], &fd) ||
	    !get_size(env, argv[1], &length) || !get_size(env, argv[2], &offset))
		return NULL;
	addr = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		    (off_t)offset);
	if (addr == MAP_FAILED)
		return to_result(env, -1);
	(void)madvise(addr, length, MADV_DONTFORK);
	return wrap(env, addon, addr, length, length, 0);
}

/* allocate(length, alignment, hugePages) */
napi_value memory_allocate(napi_env env, napi_callback_info info)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t length, alignment, span, extra, lead;
	struct addon *addon;
	napi_value argv[3];
	bool huge_pages;
	uint8_t *addr;

	if (!get_args(env, info, 3, argv, (void **)&addon) || !get_size(env, argv[0], &length) ||
	    !get_size(env, argv[1], &alignment) || !get_bool(env, argv[2], &huge_pages))
		return NULL;
	if (length == 0 || (alignment & (alignment - 1)) != 0)
		return to_i32(env, -EINVAL);
	if (huge_pages && length >= HUGE_PAGE && alignment < HUGE_PAGE)
		alignment = HUGE_PAGE;
	span = (length + page - 1) & ~(page - 1);
	/* mmap aligns to a page; more is found in a larger range, whose ends go back. */
	extra = alignment > page ? alignment - page : 0;
	if (span + extra < length)
		return to_i32(env, -ENOMEM);
	addr = mmap(NULL, span + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return to_result(env, -1);
	if (extra) {
		lead = -(uintptr_t)addr & (alignment - 1);
		if (lead)
			munmap(addr, lead);
		if (extra > lead)
			munmap(addr + lead + span, extra - lead);
		addr += lead;
	}
	(void)madvise(addr, span, MADV_DONTFORK);
	if (huge_pages)
		(void)madvise(addr, span, MADV_HUGEPAGE);
	return wrap(env, addon, addr, span, length, (int64_t)span);
}

/*
 * keepFreed(length): glibc gives the top of its heap back to the kernel as soon as 128 KiB of it
 * are free, and whoever allocates next pays for new pages. Freeing a block that was mapped tells
 * it that blocks of this size come and go: from then on it keeps twice as much. That is mallopt(3)
 * without its side effect, and without effect where the user has set MALLOC_TRIM_THRESHOLD_. The
 * block is not touched. Other C libraries have other rules, which this leaves alone.
 */
napi_value memory_keep_freed(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	size_t length;

	if (!get_args(env, info, 1, argv, NULL) || !get_size(env, argv[0], &length))
		return NULL;
#ifdef __GLIBC__
	{
		/* Through a volatile pointer: a compiler may leave out malloc with free. */
		void *volatile block = malloc(length);

		free(block);
	}
#endif
	return to_i32(env, 0);
}

/* unmap(memory): now, instead of when it is collected; the finalizer then finds nothing to do */
napi_value memory_unmap(napi_env env, napi_callback_info info)
{
	struct mapping *mapping, held;
	struct addon *addon;
	napi_value argv[1];
	size_t length;
	void *data;

	if (!get_args(env, info, 1, argv, (void **)&addon) ||
	    !get_buffer(env, argv[0], &data, &length))
		return NULL;
	for (mapping = addon->mappings; mapping; mapping = mapping->next)
		if (mapping->addr == data)
			break;
	if (!mapping)
		return to_i32(env, -EINVAL);
	/*
	 * Views go first, so that nobody looks at a range that may be somebody
	 * else's. Some engines finalize inside the detaching, and must find nothing
	 * left to do; then the structure is gone as well.
	 */
	held = *mapping;
	mapping_unlink(mapping);
	mapping->addr = NULL;
	if (napi_detach_arraybuffer(env, argv[0]) != napi_ok) {
		mapping->addr = held.addr;
		mapping_link(mapping);
		return to_i32(env, -EBUSY);
	}
	release(env, held.addr, held.length, held.external);
	return to_i32(env, 0);
}

/* addressOf(view) */
napi_value memory_address_of(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	uint8_t *data;
	size_t length;

	if (!get_args(env, info, 1, argv, NULL) || !get_bytes(env, argv[0], &data, &length))
		return NULL;
	return to_double(env, length ? (double)(uintptr_t)data : 0);
}
