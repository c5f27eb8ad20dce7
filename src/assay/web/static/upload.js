// Uploads a file with its progress, then goes to where it can be watched. A form alone would show nothing for minutes.

function told(xhr) {
  try {
    const answer = JSON.parse(xhr.responseText);
    return answer.detail ?? answer.title ?? "The upload was refused.";
  } catch {
    return xhr.status ? `The service answered ${xhr.status}.` : "The connection was lost. Try again.";
  }
}

function inMegabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

document.querySelectorAll("form[data-upload]").forEach((form) => {
  const button = form.querySelector("button[type=submit]");
  const progress = document.querySelector("[data-upload-progress]");
  const bar = progress.querySelector("progress");
  const words = progress.querySelector("span");
  const error = document.querySelector("[data-upload-error]");
  button.disabled = false;

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const xhr = new XMLHttpRequest();
    xhr.open("POST", form.action);
    xhr.setRequestHeader("X-CSRF-Token", form.dataset.token);
    xhr.setRequestHeader("Accept", "application/json");
    xhr.upload.addEventListener("progress", ({ loaded, total, lengthComputable }) => {
      if (!lengthComputable) return;
      bar.value = (loaded / total) * 100;
      words.textContent =
        loaded < total ? `${inMegabytes(loaded)} of ${inMegabytes(total)} sent` : "Sent. Waiting for the answer.";
    });
    const failed = () => {
      progress.hidden = true;
      button.disabled = false;
      error.hidden = false;
      error.textContent = told(xhr);
    };
    xhr.addEventListener("error", failed);
    xhr.addEventListener("abort", failed);
    xhr.addEventListener("load", () => {
      if (xhr.status === 200 || xhr.status === 202) location.assign(`/configs/${JSON.parse(xhr.responseText).id}`);
      else failed();
    });
    error.hidden = true;
    button.disabled = true;
    progress.hidden = false;
    bar.value = 0;
    words.textContent = "Sending.";
    xhr.send(new FormData(form));
  });
});
