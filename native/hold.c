/*
 * hold(): a second ArrayBuffer over the same backing store.
 *
 * The kernel writes to an address; JavaScript may transfer, detach or drop the
 * ArrayBuffer that had it. V8 frees memory when the last reference to its
 * BackingStore goes, and any number of ArrayBuffers may share one. Node-API has
 * no word for that, so three functions of V8's C++ interface are looked up at
 * run time and called as the Itanium C++ ABI says:
 *
 *   static Isolate *Isolate::GetCurrent();
 *   std::shared_ptr<BackingStore> ArrayBuffer::GetBackingStore();
 *   static Local<ArrayBuffer> ArrayBuffer::New(Isolate *, std::shared_ptr<BackingStore>);
 *
 * A napi_value is the pointer inside a Local, which is what `this` is for a
 * method. A shared_ptr is two words (object, control block); having a
 * destructor, it is returned through a hidden pointer and passed by reference.
 * The callee moves out of it, so both words must be zero afterwards: when they
 * are not, our picture of the engine is wrong, and the feature goes off.
 *
 * Where the symbols are missing (Bun, Deno, another C++ ABI) there is no hold,
 * and callers copy.
 *
 * V8 12 (Node 22) has one hole: transfer() to another length moves the memory of
 * the BackingStore itself, under every ArrayBuffer that shares it. V8 13 (Node
 * 24) copies instead, Node 20 has no transfer(). So the first hold() in an
 * environment tries it out, and where memory moves, only memory from map() and
 * allocate() is held: it has a deleter of its own and cannot be reallocated.
 */
#define _GNU_SOURCE
#include "platform.h"

#include <dlfcn.h>

/*
 * Larger than a shared_ptr on purpose: a structure of two words would come back
 * in registers, one of four is returned through the hidden pointer on x86-64
 * (rdi) and arm64 (x8) alike. The callee fills in the first two.
 */
struct shared_ptr {
	void *object;
	void *control;
	void *unused[2];
};

typedef void *(*isolate_get_current)(void);
typedef struct shared_ptr (*get_backing_store)(napi_value self);
typedef napi_value (*array_buffer_new)(void *isolate, struct shared_ptr *store);

/* What an environment found out about its engine, in struct addon. */
enum { UNKNOWN, NOTHING, OURS_ONLY, EVERYTHING };

/* The same in every thread: threads that race to find it write the same words. */
static struct {
	isolate_get_current get_current;
	get_backing_store get_store;
	array_buffer_new new_buffer;
} engine;

static bool find_engine(void)
{
#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
	/* ISO C has no cast from an object pointer to a function; POSIX says how to do it. */
	*(void **)&engine.get_current = dlsym(RTLD_DEFAULT, "_ZN2v87Isolate10GetCurrentEv");
	*(void **)&engine.get_store = dlsym(RTLD_DEFAULT, "_ZN2v811ArrayBuffer15GetBackingStoreEv");
	*(void **)&engine.new_buffer =
		dlsym(RTLD_DEFAULT, "_ZN2v811ArrayBuffer3NewEPNS_7IsolateESt10shared_ptrINS_12"
				    "BackingStoreEE");
	return engine.get_current && engine.get_store && engine.new_buffer;
#else
	return false;
#endif
}

/* A second ArrayBuffer, or NULL when the engine is not what we think it is. */
static napi_value twin_of(napi_env env, napi_value buffer, void *data)
{
	struct shared_ptr store = engine.get_store(buffer);
	void *twin_data = NULL;
	napi_value twin;
	size_t length;

	if (!store.object)
		return NULL;
	twin = engine.new_buffer(engine.get_current(), &store);
	/* A reference left behind would be a leak, never a double free. */
	if (!twin || store.object || store.control)
		return NULL;
	if (napi_get_arraybuffer_info(env, twin, &twin_data, &length) != napi_ok ||
	    twin_data != data)
		return NULL;
	return twin;
}

/*
 * Calls a transfer method to another length on a held buffer. Memory has moved
 * when the result has the very BackingStore of the twin, though not its length.
 * The twin is never looked at again.
 */
static bool moves_memory(napi_env env, const char *method)
{
	napi_value buffer, twin, function, length, moved;
	struct shared_ptr before, after;
	napi_valuetype type;
	bool is_buffer, same;
	void *data;

	if (napi_create_arraybuffer(env, 64, &data, &buffer) != napi_ok ||
	    napi_get_named_property(env, buffer, method, &function) != napi_ok ||
	    napi_typeof(env, function, &type) != napi_ok)
		return true;
	if (type != napi_function)
		return false;
	twin = twin_of(env, buffer, data);
	if (!twin || napi_create_uint32(env, 128, &length) != napi_ok)
		return true;
	if (napi_call_function(env, buffer, function, 1, &length, &moved) != napi_ok) {
		(void)napi_get_and_clear_last_exception(env, &moved);
		return true;
	}
	if (napi_is_arraybuffer(env, moved, &is_buffer) != napi_ok || !is_buffer)
		return true;
	before = engine.get_store(twin);
	after = engine.get_store(moved);
	same = before.object == after.object;
	/* Hands both references to objects that are collected. */
	(void)engine.new_buffer(engine.get_current(), &before);
	(void)engine.new_buffer(engine.get_current(), &after);
	return same;
}

static int find_out(napi_env env)
{
	napi_value buffer;
	void *data;

	if (!find_engine())
		return NOTHING;
	if (napi_create_arraybuffer(env, 64, &data, &buffer) != napi_ok ||
	    !twin_of(env, buffer, data))
		return NOTHING;
	if (moves_memory(env, "transfer") || moves_memory(env, "transferToFixedLength"))
		return OURS_ONLY;
	return EVERYTHING;
}

/* hold(memory) -> ArrayBuffer | undefined */
napi_value memory_hold(napi_env env, napi_callback_info info)
{
	napi_value argv[1], twin = NULL;
	struct addon *addon;
	size_t length;
	void *data;

	if (!get_args(env, info, 1, argv, (void **)&addon) ||
	    !get_buffer(env, argv[0], &data, &length))
		return NULL;
	if (addon->hold == UNKNOWN)
		addon->hold = find_out(env);
	/* Without memory (empty, detached) there is nothing to hold. */
	if (!data || !length)
		return NULL;
	if (addon->hold == EVERYTHING || (addon->hold == OURS_ONLY && memory_is_ours(addon, data)))
		twin = twin_of(env, argv[0], data);
	return twin;
}
