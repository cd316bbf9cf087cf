import { join, resolve } from 'node:path';
import { ManifestError } from '../../boot-configs/problems.ts';
import { type DemoRequest, DemoUsageError, readArguments } from './arguments.ts';
import { attach } from './attach.ts';
import { endDemo } from './control.ts';
import { lineSocket } from './keep.ts';
import { controlSocket, runDemo } from './run-demo.ts';
import { demoUsage } from './usage.ts';

const root = join(import.meta.dirname, '../..');

/** Does what the command line asks for; gives the exit status. */
async function main(argv: readonly string[]): Promise<number> {
  const request = readArguments(argv);
  if (request.do === 'help') {
    process.stdout.write(demoUsage);
    return 0;
  }
  const directory = resolve(request.output ?? join(root, 'out/demo'));
  switch (request.do) {
    case 'run':
      return (await runDemo(request, directory)) ? 0 : 1;
    case 'attach':
      await attach(lineSocket(directory, request.line), lineNames[request.line]);
      return 0;
    case 'stop':
      if (!(await endDemo(controlSocket(directory)))) throw new Error('no demo runs here');
      console.log('The demo has ended, and its machine.');
      return 0;
  }
}

const lineNames: Record<(DemoRequest & { do: 'attach' })['line'], string> = {
  dom0: "dom0's second serial line",
  xen: 'the console of dom0 and Xen (Ctrl-A three times switches)',
};

try {
  // Connections that others hold open do not keep it.
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof ManifestError ? message : `demo: ${message}`);
  if (!(error instanceof DemoUsageError)) process.exit(1);
  console.error('  hint: "npm run demo -- --help" shows how it is used');
  process.exit(2);
}
