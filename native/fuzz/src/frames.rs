//! Several messages in one input: each is a tag byte, two bytes of length, and so many bytes.

/// An input holds more only to be slow.
const FRAMES_MAX: usize = 32;

/// The messages of an input; a length that is too long takes what is there.
pub fn split(mut data: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while let Some((&[tag, high, low], rest)) = data.split_first_chunk()
        && frames.len() < FRAMES_MAX
    {
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (frame, behind) = rest.split_at(length);
        frames.push((tag, frame));
        data = behind;
    }
    frames
}

/// The input with these messages.
pub fn join<M: AsRef<[u8]>>(frames: &[(u8, M)]) -> Vec<u8> {
    let mut data = Vec::new();
    for (tag, frame) in frames {
        let frame = frame.as_ref();
        let length = u16::try_from(frame.len()).expect("seeds are short");
        data.push(*tag);
        data.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(frame);
    }
    data
}
