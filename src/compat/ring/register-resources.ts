import {
  CLONE_BUFFERS_DST_OFF,
  CLONE_BUFFERS_FLAGS,
  CLONE_BUFFERS_NR,
  CLONE_BUFFERS_SIZE,
  CLONE_BUFFERS_SRC_FD,
  CLONE_BUFFERS_SRC_OFF,
  FILE_INDEX_RANGE_LEN,
  FILE_INDEX_RANGE_OFF,
  FILE_INDEX_RANGE_SIZE,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_BUFFERS_UPDATE,
  IORING_REGISTER_BUFFERS2,
  IORING_REGISTER_CLONE_BUFFERS,
  IORING_REGISTER_EVENTFD,
  IORING_REGISTER_EVENTFD_ASYNC,
  IORING_REGISTER_FILE_ALLOC_RANGE,
  IORING_REGISTER_FILES,
  IORING_REGISTER_FILES_UPDATE,
  IORING_REGISTER_FILES_UPDATE2,
  IORING_REGISTER_FILES2,
  IORING_REGISTER_SRC_REGISTERED,
  IORING_RSRC_REGISTER_SPARSE,
  IORING_UNREGISTER_BUFFERS,
  IORING_UNREGISTER_EVENTFD,
  IORING_UNREGISTER_FILES,
  RSRC_REGISTER_DATA,
  RSRC_REGISTER_FLAGS,
  RSRC_REGISTER_NR,
  RSRC_REGISTER_SIZE,
  RSRC_REGISTER_TAGS,
  RSRC_UPDATE_DATA,
  RSRC_UPDATE_OFFSET,
  RSRC_UPDATE_SIZE,
  RSRC_UPDATE2_DATA,
  RSRC_UPDATE2_NR,
  RSRC_UPDATE2_OFFSET,
  RSRC_UPDATE2_SIZE,
  RSRC_UPDATE2_TAGS,
} from "../../abi/io-uring.ts";
import { IOVEC_SIZE } from "../../abi/linux.ts";
import { CompletionVerbs } from "./completion.ts";
import { type Pointer, Struct } from "./memory.ts";

/** What registered buffers are kept as. */
const BUFFERS = "buffers";

/** Descriptors, one of them each; -1 is an empty place, -2 leaves a place as it is. */
export type Descriptors = readonly number[] | Int32Array;

/** Views to register; null is an empty place. */
export type Buffers = readonly (NodeJS.ArrayBufferView | null)[];

/** User data of the completion that tells that a buffer or file is not used any more; 0 is none. */
export type Tags = BigUint64Array;

/** Iovecs with empty ones among them. */
function vectorsOf(buffers: Buffers): Struct {
  const struct = new Struct(buffers.length * IOVEC_SIZE);
  buffers.forEach((view, i) => {
    if (view === null) return;
    struct.setPointer(i * IOVEC_SIZE, view).setU64(i * IOVEC_SIZE + 8, view.byteLength);
  });
  return struct;
}

/** Tags in memory that can be lent on every runtime: the kernel copies them before it answers. */
function tagsOf(tags: Tags): Struct {
  const struct = new Struct(tags.byteLength);
  struct.bytes.set(new Uint8Array(tags.buffer, tags.byteOffset, tags.byteLength));
  return struct;
}

function tableOf(fds: Descriptors): Struct {
  const struct = new Struct(fds.length * 4);
  fds.forEach((fd, i) => {
    struct.setU32(i * 4, fd);
  });
  return struct;
}

/**
 * The verbs that register buffers and files. What was registered is kept, and held in place, until
 * it is registered no more and nothing is in flight; a view that a request names is lent to it in
 * any case.
 */
export abstract class ResourceVerbs extends CompletionVerbs {
  // Buffers

  /** Registers buffers: io_uring_register_buffers(3). Returns 0, or -errno. */
  registerBuffers(buffers: readonly NodeJS.ArrayBufferView[]): number {
    const result = this.register(IORING_REGISTER_BUFFERS, vectorsOf(buffers), buffers.length);
    return this.#keepBuffers(result, buffers);
  }

  /** As `registerBuffers`, with a tag for each: io_uring_register_buffers_tags(3). Linux 5.13. */
  registerBuffersTags(buffers: Buffers, tags: Tags): number {
    const vectors = vectorsOf(buffers);
    const result = this.#registerTable(IORING_REGISTER_BUFFERS2, buffers.length, vectors, tags);
    return this.#keepBuffers(result, buffers);
  }

  /** Registers a table of empty places: io_uring_register_buffers_sparse(3). Linux 5.19. */
  registerBuffersSparse(nr: number): number {
    return this.#registerTable(IORING_REGISTER_BUFFERS2, nr, null, null);
  }

  /**
   * Replaces registered buffers from place `off` on: io_uring_register_buffers_update_tag(3).
   * Returns how many, or -errno. Linux 5.13.
   */
  registerBuffersUpdateTag(off: number, buffers: Buffers, tags: Tags): number {
    const update = this.#updateOf(off, buffers.length, vectorsOf(buffers), tags);
    const result = this.register(IORING_REGISTER_BUFFERS_UPDATE, update, RSRC_UPDATE2_SIZE);
    return this.#keepBuffers(result, buffers, off);
  }

  /** Forgets all registered buffers: io_uring_unregister_buffers(3). Returns 0, or -errno. */
  unregisterBuffers(): number {
    const result = this.register(IORING_UNREGISTER_BUFFERS, null, 0);
    if (result >= 0) this.retireRegistered(BUFFERS);
    return result;
  }

  /** Takes over all registered buffers of another ring: io_uring_clone_buffers(3). Linux 6.12. */
  cloneBuffers(source: ResourceVerbs): number {
    return this.cloneBuffersOffset(source, { dstOff: 0, srcOff: 0, nr: 0, flags: 0 });
  }

  /**
   * Takes over `nr` registered buffers of another ring: io_uring_clone_buffers_offset(3). Linux
   * 6.13. `flags` is IORING_REGISTER_DST_REPLACE to replace what is there.
   */
  cloneBuffersOffset(
    source: ResourceVerbs,
    options: { dstOff: number; srcOff: number; nr: number; flags: number },
  ): number {
    const isRegistration = source.ringFd === -1;
    const clone = new Struct(CLONE_BUFFERS_SIZE)
      .setU32(CLONE_BUFFERS_SRC_FD, isRegistration ? source.enterFd : source.ringFd)
      .setU32(
        CLONE_BUFFERS_FLAGS,
        options.flags | (isRegistration ? IORING_REGISTER_SRC_REGISTERED : 0),
      )
      .setU32(CLONE_BUFFERS_SRC_OFF, options.srcOff)
      .setU32(CLONE_BUFFERS_DST_OFF, options.dstOff)
      .setU32(CLONE_BUFFERS_NR, options.nr);
    const result = this.register(IORING_REGISTER_CLONE_BUFFERS, clone, 1);
    if (result >= 0) {
      const shared = source.registeredAs(BUFFERS).map(([, view]) => view);
      this.keepRegistered(`${BUFFERS}/of another ring`, shared);
    }
    return result;
  }

  #keepBuffers(result: number, buffers: Buffers, off = 0): number {
    if (result < 0) return result;
    buffers.forEach((view, i) => {
      this.keepRegistered(`${BUFFERS}/${off + i}`, view);
    });
    return result;
  }

  // Files

  /** Registers files: io_uring_register_files(3). -1 is an empty place. Returns 0, or -errno. */
  registerFiles(fds: Descriptors): number {
    return this.register(IORING_REGISTER_FILES, tableOf(fds), fds.length);
  }

  /** As `registerFiles`, with a tag for each: io_uring_register_files_tags(3). Linux 5.13. */
  registerFilesTags(fds: Descriptors, tags: Tags): number {
    return this.#registerTable(IORING_REGISTER_FILES2, fds.length, tableOf(fds), tags);
  }

  /** Registers a table of empty places: io_uring_register_files_sparse(3). Linux 5.19. */
  registerFilesSparse(nr: number): number {
    return this.#registerTable(IORING_REGISTER_FILES2, nr, null, null);
  }

  /**
   * Replaces registered files from place `off` on: io_uring_register_files_update(3). Returns how
   * many, or -errno; with IORING_FILE_INDEX_ALLOC as `off` the kernel chooses the places, and an
   * Int32Array is told which.
   */
  registerFilesUpdate(off: number, fds: Descriptors): number {
    const table = tableOf(fds);
    const update = new Struct(RSRC_UPDATE_SIZE)
      .setU32(RSRC_UPDATE_OFFSET, off)
      .setPointer(RSRC_UPDATE_DATA, table);
    const result = this.register(IORING_REGISTER_FILES_UPDATE, update, fds.length);
    if (fds instanceof Int32Array)
      fds.forEach((_, i) => {
        fds[i] = table.s32(i * 4);
      });
    return result;
  }

  /** As `registerFilesUpdate`, with tags: io_uring_register_files_update_tag(3). Linux 5.13. */
  registerFilesUpdateTag(off: number, fds: Descriptors, tags: Tags): number {
    const update = this.#updateOf(off, fds.length, tableOf(fds), tags);
    return this.register(IORING_REGISTER_FILES_UPDATE2, update, RSRC_UPDATE2_SIZE);
  }

  /** Forgets all registered files: io_uring_unregister_files(3). Returns 0, or -errno. */
  unregisterFiles(): number {
    return this.register(IORING_UNREGISTER_FILES, null, 0);
  }

  /** Names the places that the kernel may choose from: io_uring_register_file_alloc_range(3). */
  registerFileAllocRange(off: number, len: number): number {
    const range = new Struct(FILE_INDEX_RANGE_SIZE)
      .setU32(FILE_INDEX_RANGE_OFF, off)
      .setU32(FILE_INDEX_RANGE_LEN, len);
    return this.register(IORING_REGISTER_FILE_ALLOC_RANGE, range, 0);
  }

  // Being told

  /** Has every completion signal an eventfd: io_uring_register_eventfd(3). Returns 0, or -errno. */
  registerEventfd(eventFd: number): number {
    return this.register(IORING_REGISTER_EVENTFD, tableOf([eventFd]), 1);
  }

  /** As `registerEventfd`, but not for what completes at once: io_uring_register_eventfd_async(3). */
  registerEventfdAsync(eventFd: number): number {
    return this.register(IORING_REGISTER_EVENTFD_ASYNC, tableOf([eventFd]), 1);
  }

  /** Ends `registerEventfd`: io_uring_unregister_eventfd(3). Returns 0, or -errno. */
  unregisterEventfd(): number {
    return this.register(IORING_UNREGISTER_EVENTFD, null, 0);
  }

  #registerTable(opcode: number, nr: number, data: Struct | null, tags: Tags | null): number {
    const table = new Struct(RSRC_REGISTER_SIZE)
      .setU32(RSRC_REGISTER_NR, nr)
      .setU32(RSRC_REGISTER_FLAGS, data === null ? IORING_RSRC_REGISTER_SPARSE : 0)
      .setPointer(RSRC_REGISTER_DATA, data)
      .setPointer(RSRC_REGISTER_TAGS, tags === null ? null : tagsOf(tags), nr * 8);
    return this.register(opcode, table, RSRC_REGISTER_SIZE);
  }

  #updateOf(off: number, nr: number, data: Pointer, tags: Tags): Struct {
    return new Struct(RSRC_UPDATE2_SIZE)
      .setU32(RSRC_UPDATE2_OFFSET, off)
      .setPointer(RSRC_UPDATE2_DATA, data)
      .setPointer(RSRC_UPDATE2_TAGS, tagsOf(tags), nr * 8)
      .setU32(RSRC_UPDATE2_NR, nr);
  }
}
