/** Prints what libxl tells of the ends of the given domains, a line each, until the last one is gone. To be started where libxl finds xenstored and Xen's devices. */
import { LibxlSession } from '../../introduction/libxl-session.ts';
import { ownRelease } from '../../xen-releases/releases.ts';

const session = new LibxlSession(ownRelease.libraries.light);
const stops = new Map(
  process.argv.slice(2).map((domid) => [Number(domid), session.watchEnd(Number(domid))]),
);
while (stops.size > 0) {
  const end = await session.nextEnd();
  console.log(JSON.stringify(end));
  if (end.kind !== 'gone') continue;
  stops.get(end.domid)?.();
  stops.delete(end.domid);
}
session.close();
