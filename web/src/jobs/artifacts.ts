// artifacts.ts - files of jobs as the page shows and saves them.
import { collect } from "../api/client";
import { bytesOf } from "../api/values";

const PICTURES = ["image/png", "image/svg+xml", "image/jpeg"];
export const isPicture = (media: string): boolean => PICTURES.includes(media);

export async function readArtifact(job_id: string, name: string, signal?: AbortSignal): Promise<Blob> {
  const parts = await collect("ArtifactService/ReadArtifact", { job_id, name }, signal);
  const header = parts[0]?.header;
  const bytes = bytesOf(parts.flatMap((part) => part.data ?? []));
  return new Blob([bytes as BlobPart], { type: header?.artifact?.media_type ?? "application/octet-stream" });
}
