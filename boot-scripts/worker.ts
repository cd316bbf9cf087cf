/** Where scripts are handled apart from the daemon: as a thread it looks at some, as a process it runs one. */
import { parentPort, workerData } from 'node:worker_threads';
import { inspectScripts } from './inspect-scripts.ts';
import { performScript } from './perform-script.ts';
import type { Inspection } from './protocol.ts';

if (parentPort !== null) void inspectScripts(workerData as Inspection, parentPort);
else performScript();
