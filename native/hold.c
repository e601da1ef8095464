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
 */
#define _GNU_SOURCE
#include "platform.h"

#include <dlfcn.h>
#include <stdatomic.h>

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

enum { UNKNOWN, USABLE, UNUSABLE };

/* One answer for the process. Threads may race to find it: they find the same. */
static _Atomic int state;
static isolate_get_current get_current;
static get_backing_store get_store;
static array_buffer_new new_buffer;

static int resolve(void)
{
#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
	/* ISO C has no cast from an object pointer to a function; POSIX says how to do it. */
	*(void **)&get_current = dlsym(RTLD_DEFAULT, "_ZN2v87Isolate10GetCurrentEv");
	*(void **)&get_store = dlsym(RTLD_DEFAULT, "_ZN2v811ArrayBuffer15GetBackingStoreEv");
	*(void **)&new_buffer =
		dlsym(RTLD_DEFAULT, "_ZN2v811ArrayBuffer3NewEPNS_7IsolateESt10shared_ptrINS_12"
				    "BackingStoreEE");
	if (get_current && get_store && new_buffer)
		return USABLE;
#endif
	return UNUSABLE;
}

static napi_value undefined(napi_env env)
{
	napi_value result;

	NAPI_MUST(napi_get_undefined(env, &result));
	return result;
}

/* hold(memory) -> ArrayBuffer | undefined */
napi_value memory_hold(napi_env env, napi_callback_info info)
{
	void *data, *held_data = NULL;
	struct shared_ptr store;
	napi_value argv[1], held;
	size_t length, held_length;

	if (!get_args(env, info, 1, argv, NULL) || !get_buffer(env, argv[0], &data, &length))
		return NULL;
	if (atomic_load_explicit(&state, memory_order_acquire) == UNKNOWN)
		atomic_store_explicit(&state, resolve(), memory_order_release);
	/* Without memory (empty, detached) there is nothing to hold. */
	if (atomic_load_explicit(&state, memory_order_acquire) != USABLE || !data || !length)
		return undefined(env);

	store = get_store(argv[0]);
	if (!store.object)
		return undefined(env);
	held = new_buffer(get_current(), &store);
	/* A reference left behind would be a leak, never a double free. */
	if (!held || store.object || store.control)
		goto err_off;
	if (napi_get_arraybuffer_info(env, held, &held_data, &held_length) != napi_ok ||
	    held_data != data)
		goto err_off;
	return held;

err_off:
	atomic_store_explicit(&state, UNUSABLE, memory_order_release);
	return undefined(env);
}
