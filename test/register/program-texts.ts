/**
 * Programs that stand on packages of others, as texts. Each prints something that depends on what
 * it read and wrote and on nothing else, so that it can be compared with and without the preload.
 */

const HEAD = `
  const fs = require("node:fs");
  const path = require("node:path");
  const { createHash } = require("node:crypto");
  const at = (...names) => path.join(__dirname, ...names);
  /** A folder of small files and some large ones, always the same. */
  function plant(root, files) {
    for (let i = 0; i < files; i++) {
      const folder = path.join(root, "folder" + (i % 7), "deep" + (i % 3));
      fs.mkdirSync(folder, { recursive: true });
      const bytes = i % 20 === 0 ? 300_000 + i : i * 37;
      fs.writeFileSync(path.join(folder, "file" + i + ".txt"), Buffer.alloc(bytes, "text" + i +
        " "));
    }
    fs.symlinkSync("folder0", path.join(root, "soft"));
  }
  /** Every file below a folder, with its size, mode and hash. */
  function survey(root, below = "") {
    return fs.readdirSync(path.join(root, below)).sort().flatMap((name) => {
      const file = path.join(root, below, name);
      const stats = fs.lstatSync(file);
      const mode = stats.mode.toString(8);
      if (stats.isSymbolicLink()) return [path.join(below, name) + " -> " + fs.readlinkSync(file)];
      if (stats.isDirectory()) {
        return [path.join(below, name) + " " + mode, ...survey(root, path.join(below, name))];
      }
      const hash = createHash("sha1").update(fs.readFileSync(file)).digest("hex");
      return [[path.join(below, name), mode, stats.size, hash].join(" ")];
    });
  }
  const print = (...values) => console.log(...values);
  const lines = (values) => print(values.join("\\n"));
  process.on("unhandledRejection", (error) => {
    print("FAILED", error);
    process.exit(1);
  });
`;

/** One program. */
export interface Program {
  readonly name: string;
  /** What its output must have in it, so that two failures are not taken for the same result. */
  readonly expected: RegExp;
  readonly source: string;
  /** False where it calls nothing that is done by proactor. */
  readonly isRouted?: false;
}

function program(name: string, expected: RegExp, body: string): Program {
  return { name, expected, source: `${HEAD}\n(async () => {${body}})();` };
}

/** The programs. */
export const PROGRAMS: readonly Program[] = [
  program(
    "tar creates, lists and extracts a tree",
    /folder6\/deep2\/file\d+\.txt 100644 \d+ [0-9a-f]{40}/,
    `
      const tar = require("tar");
      plant(at("tree"), 120);
      await tar.create({ file: at("tree.tgz"), gzip: true, cwd: at("tree"), portable: true },
        ["."]);
      await tar.create({ file: at("plain.tar"), cwd: at("tree"), portable: true }, ["."]);
      const names = [];
      await tar.list({ file: at("plain.tar"), onReadEntry: (entry) => names.push(entry.path) });
      lines(names.sort());
      for (const archive of ["tree.tgz", "plain.tar"]) {
        fs.mkdirSync(at("out-" + archive));
        await tar.extract({ file: at(archive), cwd: at("out-" + archive) });
        lines(survey(at("out-" + archive)));
      }
      await tar.update({ file: at("plain.tar"), cwd: at("tree") }, ["folder1"]);
    `,
  ),
  program(
    "fs-extra copies, moves and removes trees, and keeps JSON",
    /moved\/soft -> |"a": 1/,
    `
      const fse = require("fs-extra");
      plant(at("tree"), 60);
      await fse.copy(at("tree"), at("copied"), { preserveTimestamps: true });
      await fse.copy(at("tree/folder1"), at("filtered"), { filter: (file) => !file.endsWith(
        "8.txt") });
      lines(survey(at("copied")));
      lines(survey(at("filtered")));
      await fse.move(at("copied"), at("moved"));
      await fse.outputJson(at("new/deep/file.json"), { a: 1, b: [1, 2] }, { spaces: 2 });
      print(await fse.readJson(at("new/deep/file.json")), await fse.readFile(at(
        "new/deep/file.json"), "utf8"));
      await fse.ensureFile(at("ensured/file"));
      await fse.ensureLink(at("ensured/file"), at("linked/file"));
      await fse.ensureSymlink(at("ensured/file"), at("linked/soft"));
      await fse.emptyDir(at("moved/folder0"));
      await fse.remove(at("moved/folder1"));
      await fse.appendFile(at("ensured/file"), "more");
      lines(survey(at("moved")));
      lines(survey(at("ensured")));
      print(await fse.pathExists(at("none")), await fse.pathExists(at("moved")));
      await fse.copy(at("none"), at("x")).catch(({ code, syscall }) => print(code, syscall));
      await new Promise((resolve) => fse.copy(at("moved"), at("again"), (error) => resolve(print(
        error))));
      await new Promise((resolve) => fse.stat(at("none"), (error) => resolve(print(error.code))));
    `,
  ),
  program(
    "fast-glob walks with stats, and chokidar finds what is there",
    /ready 60/,
    `
      const glob = require("fast-glob");
      plant(at("tree"), 60);
      const found = await glob("**/*.txt", { cwd: at("tree"), stats: true,
        followSymbolicLinks: true });
      lines(found.map(({ path, stats }) => path + " " + stats.size).sort());
      let bytes = 0;
      for (const { path } of found) bytes += (await fs.promises.readFile(at("tree", path))).length;
      print(bytes);
      const streamed = [];
      for await (const name of glob.stream("folder{1,2}/**", { cwd: at("tree") })) streamed.push(
        name);
      lines(streamed.sort());
      const { watch } = require("chokidar");
      const seen = [];
      const watcher = watch(at("tree"), { followSymlinks: false });
      watcher.on("add", (file) => seen.push(path.relative(__dirname, file)));
      await new Promise((resolve) => watcher.once("ready", resolve));
      print("ready", seen.filter((name) => name.endsWith(".txt")).length);
      lines(seen.sort());
      const added = new Promise((resolve) => watcher.once("add", resolve));
      fs.writeFileSync(at("tree", "late.txt"), "late");
      print(path.relative(__dirname, await added));
      await watcher.close();
    `,
  ),
  program(
    "pino logs through sonic-boom, asynchronous and not",
    /lines 3000[\s\S]*lines 3000/,
    `
      const pino = require("pino");
      const SonicBoom = require("sonic-boom");
      for (const options of [{ minLength: 4096, sync: false }, { sync: false }, { sync: true },
        { sync: false, fsync: true }]) {
        const dest = at("log-" + Object.keys(options).join("-") + options.sync);
        const destination = new SonicBoom({ dest, mkdir: true, ...options });
        const logger = pino({ base: null, timestamp: false }, destination);
        await new Promise((resolve) => destination.once("ready", resolve));
        for (let i = 0; i < 3000; i++) {
          logger.info({ i, text: "x".repeat(i % 100) }, "message %d", i);
          if (i % 500 === 0) await new Promise(setImmediate);
        }
        await new Promise((resolve) => { destination.once("close", resolve); destination.end(); });
        const text = fs.readFileSync(dest, "utf8");
        print("lines", text.split("\\n").length - 1, createHash("sha1").update(text).digest("hex"));
      }
      const gone = new SonicBoom({ dest: at("none/none"), sync: false });
      await new Promise((resolve) => gone.on("error", ({ code }) => resolve(print(code))));
    `,
  ),
  program(
    "rollup bundles a project",
    /modules 42[\s\S]*chunk/,
    `
      const { rollup } = require("rollup");
      fs.mkdirSync(at("project"));
      for (let i = 0; i < 40; i++) {
        const next = i < 39 ? 'import { v' + (i + 1) + ' } from "./m' + (i + 1) + '.mjs";\\n' :
          "const v40 = 0;\\n";
        fs.writeFileSync(at("project", "m" + i + ".mjs"), next + "export const v" + i + " = v" + (
          i + 1) + " + " + i + ";\\n");
      }
      fs.writeFileSync(at("project", "main.mjs"),
        'export { v0 } from "./m0.mjs"; export const later = () => import("./later.mjs");');
      fs.writeFileSync(at("project", "later.mjs"), "export default 'later';");
      const bundle = await rollup({ input: at("project", "main.mjs"), onwarn() {} });
      print("modules", bundle.watchFiles.length);
      await bundle.write({ dir: at("dist"), format: "es", sourcemap: true,
        chunkFileNames: "chunk-[name].mjs" });
      await bundle.close();
      lines(survey(at("dist")));
      await rollup({ input: at("project", "none.mjs") }).catch(({ code, message }) => print(code,
        message.replaceAll(__dirname, "")));
    `,
  ),
  program(
    "graceful-fs and write-file-atomic patch node:fs, before and after",
    /graceful 1200[\s\S]*atomic/,
    `
      const graceful = require("graceful-fs");
      plant(at("tree"), 40);
      // More files at once than the process may have open.
      graceful.gracefulify(fs);
      let read = 0;
      await Promise.all(Array.from({ length: 1200 }, (_, i) => new Promise((resolve, reject) => {
        const file = at("tree", "folder" + (i % 7 % 6), "deep0");
        const name = fs.readdirSync(file)[0];
        fs.readFile(path.join(file, name), (error, bytes) => (error ? reject(error) : resolve(
          read += bytes.length)));
      })));
      print("graceful 1200", read);
      await new Promise((resolve, reject) => {
        fs.createReadStream(at("tree/folder0/deep0/file0.txt")).pipe(fs.createWriteStream(at(
          "piped"))).on("close", resolve).on("error", reject);
      });
      print(fs.statSync(at("piped")).size);
      await new Promise((resolve) => fs.rename(at("piped"), at("renamed"), (error) => resolve(
        print(error))));
      await new Promise((resolve) => fs.readdir(at("tree"), (error, names) => resolve(print(error,
        names))));
      const atomic = require("write-file-atomic");
      await Promise.all(Array.from({ length: 20 }, (_, i) => atomic(at("atomic"), "number " + i)));
      print("atomic", fs.readFileSync(at("atomic"), "utf8").startsWith("number"), fs.readdirSync(
        __dirname).sort());
      await new Promise((resolve) => atomic(at("none/none"), "x", ({ code, syscall }) => resolve(
        print(code, syscall))));
    `,
  ),
  program(
    "memfs and fs-monkey put another file system into node:fs, and take it out",
    /in memory[\s\S]*on disk/,
    `
      const { vol } = require("memfs");
      const { patchFs } = require("fs-monkey");
      fs.writeFileSync(at("real"), "on disk");
      vol.fromJSON({ "/virtual/file": "in memory", "/virtual/folder/other": "o" });
      const unpatch = patchFs(vol);
      const whole = await new Promise((resolve) => fs.readFile("/virtual/file", "utf8", (error,
        text) => resolve(text ?? error)));
      print(whole, await fs.promises.readdir("/virtual"), fs.existsSync(at("real")));
      await new Promise((resolve) => fs.open("/virtual/new", "w", (error, fd) => {
        fs.write(fd, "written", (error, bytes) => fs.close(fd, () => resolve(print(error, bytes))));
      }));
      print(vol.toJSON());
      unpatch();
      print(await new Promise((resolve) => fs.readFile(at("real"), "utf8", (error, text) =>
        resolve(text ?? error))));
      print(await fs.promises.readFile(at("real"), "utf8"), fs.existsSync("/virtual/file"));
    `,
  ),
  {
    // From its import on everything is left to Node, and its file system is asked.
    ...program(
      "mock-fs puts another file system under node:fs, and takes it out",
      /mocked[\s\S]*on disk/,
      `
      const mock = require("mock-fs");
      fs.writeFileSync(at("real"), "on disk");
      const attempt = async (name, f) => {
        try { print(name, await f()); } catch ({ message }) { print(name, message.replaceAll(
          __dirname, "")); }
      };
      const all = async () => {
        const callback = (f, ...args) => new Promise((resolve, reject) => f(...args, (error,
          value) => (error ? reject(error) : resolve(value))));
        for (const file of ["/virtual/file", at("real")]) {
          await attempt("readFile", () => callback(fs.readFile, file, "utf8"));
          await attempt("promises.readFile", () => fs.promises.readFile(file, "utf8"));
          await attempt("stat", async () => (await callback(fs.stat, file)).size);
          await attempt("open", async () => {
            const fd = await callback(fs.open, file, "r+");
            const buffer = Buffer.alloc(6);
            const bytes = await callback(fs.read, fd, buffer, 0, 6, 0);
            await callback(fs.close, fd);
            return [bytes, String(buffer)];
          });
          await attempt("handle", async () => {
            const handle = await fs.promises.open(file);
            const text = await handle.readFile("utf8");
            await handle.close();
            return text;
          });
          await attempt("stream", async () => {
            let text = "";
            for await (const chunk of fs.createReadStream(file, "utf8")) text += chunk;
            return text;
          });
        }
        await attempt("writeFile", () => callback(fs.writeFile, "/virtual/new", "new"));
        await attempt("mkdir", () => callback(fs.mkdir, "/virtual/folder"));
        await attempt("rename", () => callback(fs.rename, "/virtual/new", "/virtual/newer"));
        await attempt("unlink", () => callback(fs.unlink, "/virtual/newer"));
        await attempt("readdir", () => fs.promises.readdir("/virtual"));
      };
      mock({ "/virtual": { file: "mocked text" } });
      await all();
      mock.restore();
      await all();
    `,
    ),
    isRouted: false,
  },
];
