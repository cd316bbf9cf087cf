import { CallError } from '../bindings/ffi/errors.ts';
import type { ArgoPort } from '../bindings/hypervisor.ts';
import { type Hypercalls, withHypercalls } from '../bindings/libxencall.ts';
import { clearLink, linksFrom, setLink } from '../bindings/links.ts';
import { listDomains } from '../bindings/xen/inventory.ts';
import { XenSession } from '../bindings/xen/session.ts';
import { readBootRecord, recordFile } from '../introduction/record.ts';
import { type ExitStatus, Failure, type Input, type Terminal, UsageError } from './command.ts';
import { failing } from './failing.ts';

/** `client:1=server:100`, `client:1>server:100` or `client:1`. */
const CHANGE = /^([A-Za-z0-9._-]+):(\d{1,9})(?:([=>])([A-Za-z0-9._-]+):(\d{1,9}))?$/;

type Change = { from: ArgoPort; to?: ArgoPort; twoWay: boolean; text: string };

/** `domb channels [CHANGE]...` */
export async function run(input: Input, terminal: Terminal): Promise<ExitStatus> {
  return failing(async (): Promise<ExitStatus> => {
    const { domains, hardwareDomid } = await readBootRecord(
      input.values.get('record') ?? recordFile,
    );
    const names = new Map(domains.map(({ name, domid }) => [name, domid]));
    const changes = input.arguments.map((text) => changeOf(text, names));
    const session = XenSession.open();
    try {
      return withHypercalls(session.logger, (calls) => {
        for (const change of changes) make(calls, change);
        // The hardware domain has none, and may not even ask for its own.
        const others = listDomains(session).filter(({ domid }) => domid !== hardwareDomid);
        const links = others.flatMap(({ domid }) => shownLinks(calls, domid));
        if (input.flags.has('json')) terminal.write(`${JSON.stringify(links, null, 2)}\n`);
        else for (const { from, to } of links) terminal.write(shown(domains, from, to));
        return 0;
      });
    } finally {
      session.close();
    }
  });
}

/** Those of a protected guest, and of who has none to do with channels, are not for domain 0 to see. */
function shownLinks(calls: Hypercalls, domid: number): ReturnType<typeof linksFrom> {
  try {
    return linksFrom(calls, domid);
  } catch (error) {
    if (error instanceof CallError && error.errno === 'EACCES') return [];
    throw error;
  }
}

function changeOf(text: string, names: ReadonlyMap<string, number>): Change {
  const [whole, own = '', port, way, peer = '', peerPort] = CHANGE.exec(text) ?? [];
  if (whole === undefined) {
    throw new UsageError(
      `"${text}" is no channel`,
      'write NAME:PORT=NAME:PORT, NAME:PORT>NAME:PORT, or NAME:PORT to end one',
    );
  }
  const domid = (name: string): number => {
    const found = names.get(name) ?? (/^\d+$/.test(name) ? Number(name) : undefined);
    if (found !== undefined) return found;
    throw new Failure(`there is no domain ${name}`, 'name one of the manifest, or give a domid');
  };
  const from = { domid: domid(own), port: Number(port) };
  if (way === undefined) return { from, twoWay: false, text };
  const to = { domid: domid(peer), port: Number(peerPort) };
  return { from, to, twoWay: way === '=', text };
}

function make(calls: Hypercalls, { from, to, twoWay, text }: Change): void {
  try {
    if (to === undefined) {
      clearLink(calls, from);
      return;
    }
    setLink(calls, from, to);
    if (twoWay) setLink(calls, to, from);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    throw new Failure(`${text}: ${error.errno}`, HINTS[error.errno] ?? "see Xen's console");
  }
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: "the policy does not allow it: look for 'avc: denied' on Xen's console",
  ENOENT: 'no channel begins there',
  ENODEV: 'the policy lets one of the two not use Argo: docs/channels.md says how it is built',
  ENOSPC: 'at most 64 ports of a domain send: end one first',
  EOPNOTSUPP: 'write "argo=1" on Xen\'s command line',
  ESRCH: 'there is no domain with this domid',
};

function shown(
  domains: readonly { name: string; domid: number }[],
  from: ArgoPort,
  to: ArgoPort,
): string {
  const end = ({ domid, port }: ArgoPort) =>
    `${domains.find((domain) => domain.domid === domid)?.name ?? domid}:${port}`;
  return `${end(from)}>${end(to)}\n`;
}
