/**
 * Watches a scenario over a WebSocket, as kubectl watches a resource: from a resourceVersion on, again after every
 * loss, and from the start when the server answers 410 Gone.
 */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** A hidden page keeps its socket this long, then lets it go until it is looked at again. */
const HIDDEN_MS = 60_000;

/**
 * @typedef {object} Watcher
 * @property {(message: object) => void} receive  ADDED, MODIFIED, DELETED, BOOKMARK, STATUS
 * @property {() => Promise<number>} relist  history is gone: fetch again, return the revision that was fetched
 * @property {(online: boolean) => void} online
 * @property {() => number} revision  the latest revision known here
 */

/**
 * @param {string} path  /ws/scenarios/{id}/
 * @param {() => Record<string, string>} query  view and language at the time of connecting
 * @param {Watcher} watcher
 * @returns {{send: (message: object) => boolean, stop: () => void}}
 */
export function watch(path, query, watcher) {
  let socket;
  let failures = 0;
  let stopped = false;
  let retry = 0;
  let sleep = 0;

  const open = () => {
    if (stopped || socket) return;
    const url = new URL(path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    for (const [name, value] of Object.entries({ ...query(), resourceVersion: watcher.revision() })) {
      url.searchParams.set(name, String(value));
    }
    const opened = new WebSocket(url);
    socket = opened;
    opened.addEventListener("open", () => watcher.online(true));
    opened.addEventListener("message", async ({ data }) => {
      if (socket !== opened) return;
      const message = JSON.parse(data);
      failures = 0;
      if (message.type === "ERROR" && message.object?.code === 410) {
        socket = undefined;
        opened.close();
        try {
          await watcher.relist();
          open();
        } catch {
          again();
        }
        return;
      }
      watcher.receive(message);
    });
    opened.addEventListener("close", (event) => {
      if (socket !== opened) return;
      socket = undefined;
      watcher.online(false);
      if (event.code === 4404 || event.code === 4403) return; // nothing there to come back to
      again();
    });
  };

  const again = () => {
    if (stopped) return;
    // Half of the wait is chance, so that a server that comes back is not met by everybody at once.
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++);
    clearTimeout(retry);
    retry = setTimeout(open, wait / 2 + (Math.random() * wait) / 2);
  };

  const close = () => {
    clearTimeout(retry);
    const closing = socket;
    socket = undefined;
    closing?.close();
  };

  const visibility = () => {
    clearTimeout(sleep);
    if (document.hidden) sleep = setTimeout(close, HIDDEN_MS);
    else if (!socket) open();
  };

  const back = () => {
    failures = 0;
    if (!socket) open();
  };

  document.addEventListener("visibilitychange", visibility);
  addEventListener("online", back);
  open();

  return {
    send(message) {
      if (socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(message));
      return true;
    },
    stop() {
      stopped = true;
      clearTimeout(sleep);
      document.removeEventListener("visibilitychange", visibility);
      removeEventListener("online", back);
      close();
    },
  };
}
