import { SingleBar } from "cli-progress";

/** Shows how far a run has come, on stderr. */
export interface Progress {
  /** One more step begins. */
  step(what: string): void;
  /** Nothing more comes; leaves the cursor on a fresh line. May be called twice. */
  stop(): void;
}

/** A bar on a terminal; elsewhere a line whenever something new begins. */
export function startProgress(
  total: number,
  stream: NodeJS.WriteStream = process.stderr,
): Progress {
  return stream.isTTY ? startBar(total, stream) : startLines(stream);
}

function startBar(total: number, stream: NodeJS.WriteStream): Progress {
  const bar = new SingleBar({
    format: "{bar} {percentage} %  {what}",
    stream,
    barsize: 30,
    // Drawing costs the measured processes a core for a moment.
    fps: 4,
    hideCursor: true,
    clearOnComplete: true,
    barCompleteChar: "█",
    barIncompleteChar: "░",
  });
  let done = -1;
  let stopped = false;
  bar.start(total, 0, { what: "" });
  return {
    step(what) {
      done++;
      bar.update(Math.min(done, total), { what });
    },
    stop() {
      if (!stopped) bar.stop();
      stopped = true;
    },
  };
}

function startLines(stream: NodeJS.WritableStream): Progress {
  let last = "";
  return {
    step(what) {
      if (what !== last) stream.write(`${what}\n`);
      last = what;
    },
    stop() {},
  };
}
