"""What Go's JSON decoder says of a text that is no JSON object.

Models      encoding/json (SyntaxError, UnmarshalTypeError)
Leaves out  control characters in texts and bad escapes are told of as any other letter out of place
"""

from __future__ import annotations

import json

_PLACES = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after object key:value pair",
    "Extra data": "after top-level value",
}


def object_problem(text: str) -> str:
    """Why a text is no JSON object, "" when it is one.

    >>> object_problem('{"auths":{}}'), object_problem("bad"), object_problem("{")
    ('', "invalid character 'b' looking for beginning of value", 'unexpected end of JSON input')
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        letter = text[error.pos : error.pos + 1]
        if not letter or error.msg.startswith("Unterminated string"):
            return "unexpected end of JSON input"
        shown = "'\"'" if letter == '"' else repr(letter)
        return f"invalid character {shown} {_PLACES.get(error.msg, 'in string literal')}"
    if found is None or isinstance(found, dict):
        return ""
    kinds = {bool: "bool", str: "string", list: "array"}
    return f"json: cannot unmarshal {kinds.get(type(found), 'number')} into Go value of type map[string]interface {{}}"
