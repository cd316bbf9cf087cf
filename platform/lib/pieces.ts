import { createHash } from 'node:crypto';
import { closeSync, openSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FilePiece, Piece } from '../../initramfs/cpio.ts';
import { fileChunks } from '../../measurement/hash-chunks.ts';
import { RunError } from './run.ts';

/** Files that are made of others are lists of pieces, so that no image has to fit into memory. */

/** All of a file, as it is now. */
export function filePiece(file: string): FilePiece {
  return { file, length: statSync(file).size };
}

/** Bytes that the pieces are together. */
export function lengthOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** The bytes, part by part; each is good until the next is asked for. */
export function* chunksOf(pieces: readonly Piece[]): Generator<Uint8Array> {
  for (const piece of pieces) {
    if ('file' in piece) yield* chunksOfFile(piece);
    else yield piece;
  }
}

function* chunksOfFile({ file, length }: FilePiece): Generator<Uint8Array> {
  const descriptor = openSync(file, 'r');
  try {
    let done = 0;
    for (const chunk of fileChunks(descriptor)) {
      done += chunk.length;
      if (done > length) break;
      yield chunk;
    }
    if (done !== length) {
      throw new RunError(`${file}: it was changed while it was read`, 'let it be, and try again');
    }
  } finally {
    closeSync(descriptor);
  }
}

/** The bytes in memory, for what is small. */
export function joined(pieces: readonly Piece[]): Buffer {
  const bytes = Buffer.alloc(lengthOf(pieces));
  let at = 0;
  for (const chunk of chunksOf(pieces)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

/** @throws RunError when `path` is one of the files that are to go into it */
export function refuseOwnPiece(path: string, pieces: readonly Piece[]): void {
  if (pieces.some((piece) => 'file' in piece && isSameFile(piece.file, path))) {
    throw new RunError(`${path}: this is one of the files that it is made of`, 'name another file');
  }
}

/** Writes the pieces one behind the other into a file. @returns its SHA-256 in hex */
export async function writePieces(path: string, pieces: readonly Piece[]): Promise<string> {
  refuseOwnPiece(path, pieces);
  const hash = createHash('sha256');
  const output = await open(path, 'w');
  try {
    for (const chunk of chunksOf(pieces)) {
      hash.update(chunk);
      for (let done = 0; done < chunk.length; ) {
        done += (await output.write(chunk, done)).bytesWritten;
      }
    }
  } finally {
    await output.close();
  }
  return hash.digest('hex');
}
