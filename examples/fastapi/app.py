"""A service with an answer that is slow to make, and streamed while it is made."""

import asyncio
import json
import os

from fastapi import FastAPI, Header, Response
from fastapi.responses import StreamingResponse

app = FastAPI()

ROWS = 30
SECONDS_PER_ROW = 0.1


async def rows(as_json: bool):
    """One row at a time, as a database cursor would give them."""
    if not as_json:
        yield "id,name,made_by\n"
    for number in range(ROWS):
        await asyncio.sleep(SECONDS_PER_ROW)
        row = {"id": number, "name": f"row {number}", "made_by": os.getpid()}
        yield json.dumps(row) + "\n" if as_json else ",".join(map(str, row.values())) + "\n"


@app.get("/export")
async def export(accept: str = Header(default="text/csv")):
    """CSV, or JSON lines for those who ask for JSON. Good for an hour, and the same for everyone."""
    as_json = "json" in accept
    return StreamingResponse(
        rows(as_json),
        media_type="application/x-ndjson" if as_json else "text/csv",
        headers={"Cache-Control": "public, max-age=3600", "Vary": "Accept"},
    )


@app.get("/me")
async def me(response: Response):
    """An answer for one user. It says so, and no cache keeps it."""
    response.headers["Cache-Control"] = "private, no-store"
    return {"worker": os.getpid()}
