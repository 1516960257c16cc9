//! Two servers that show articles, and an author who changes her name on one of them: one invalidation,
//! and no page on either server shows the old name.
//!
//! `cargo run -p larder --example tags -- redis://127.0.0.1` is two processes on a Redis: the example
//! starts itself again as the second server. Without a Redis both servers are in this process, over one
//! store in memory.

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use larder::{Answer, LoadError, Origin, Raw, Space, Typed};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const HOUR: Duration = Duration::from_secs(3600);
/// What the second process is told besides the store.
const SECOND: &str = "as-the-second-server";

/// The articles and who wrote them.
const ARTICLES: [(u32, u32); 3] = [(1, 7), (2, 7), (3, 8)];

/// One server's view of the world.
struct Articles {
    /// The source of truth. It is on the same store so that both processes see it.
    names: Raw,
    pages: Typed<String>,
}

impl Articles {
    fn new(space: &Space) -> Result<Self, larder::Error> {
        let pages = space.child("pages")?.typed().default_ttl(HOUR);
        Ok(Self { names: space.child("authors")?.raw(), pages })
    }

    /// Where the page came from, and what it says.
    async fn page(&self, article: u32) -> Result<String, LoadError<larder::Error>> {
        let names = self.names.clone();
        let load = self.pages.get_or_load_with(article, async move |load| {
            let author = ARTICLES.iter().find(|(id, _)| *id == article).map(|(_, author)| *author);
            // Before the source is asked: an invalidation after this makes the page dead.
            load.tag(("author", author)).await;
            let name = names.get(author).await?.unwrap_or_default();
            Ok(format!("by {}", String::from_utf8_lossy(&name)))
        });
        let Answer { value, origin } = load.answer().await?;
        let origin = if origin == Origin::Loaded { "written anew" } else { "from the store" };
        Ok(format!("{value}, {origin}"))
    }

    /// First the source, then the pages that were made from it: both of them and all that are to come, in one
    /// step.
    async fn rename(&self, author: u32, name: &str) -> Result<(), larder::Error> {
        self.names.set(Some(author), name.to_owned()).forever().await?;
        self.pages.invalidate_tag(("author", Some(author))).await.applied()
    }
}

/// The second server.
enum Second {
    /// A process of its own, which is asked for an article on a line and answers on a line.
    Process { process: Child, asks: ChildStdin, answers: BufReader<ChildStdout> },
    /// In this process.
    Here(Articles),
}

impl Second {
    fn start(url: &str) -> io::Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .args([url, SECOND])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(asks), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("the second process has no pipes"));
        };
        Ok(Self::Process { process, asks, answers: BufReader::new(answers) })
    }

    async fn page(&mut self, article: u32) -> Result<String, Failure> {
        match self {
            Self::Here(articles) => Ok(articles.page(article).await?),
            Self::Process { asks, answers, .. } => {
                writeln!(asks, "{article}")?;
                let mut page = String::new();
                match answers.read_line(&mut page)? {
                    0 => Err("the second server has gone".into()),
                    _ => Ok(page.trim_end().to_owned()),
                }
            }
        }
    }

    fn stop(self) -> io::Result<()> {
        if let Self::Process { mut process, asks, .. } = self {
            // It ends when nothing more can be asked.
            drop(asks);
            process.wait()?;
        }
        Ok(())
    }
}

/// The life of the second process.
async fn serve(articles: &Articles) -> Result<(), Failure> {
    let mut line = String::new();
    while io::stdin().read_line(&mut line)? > 0 {
        println!("{}", articles.page(line.trim_end().parse()?).await?);
        line.clear();
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1);
    let (url, role) = (args.next(), args.next());
    let space = larder::open(url.as_deref().unwrap_or("memory:")).await?;
    let space = space.namespace("example-articles")?;
    let first = Articles::new(&space)?;
    if role.as_deref() == Some(SECOND) {
        return serve(&first).await;
    }

    space.clear().await?;
    first.rename(7, "Ada Byron").await?;
    first.rename(8, "Mary Somerville").await?;
    let mut second = match &url {
        Some(url) => {
            println!("Two servers, in two processes.");
            Second::start(url)?
        }
        None => {
            println!("Two servers, in one process: give a Redis, and they are two processes.");
            Second::Here(Articles::new(&space)?)
        }
    };

    for (article, _) in ARTICLES {
        println!("A shows {article}: {}", first.page(article).await?);
    }
    for (article, _) in ARTICLES {
        println!("B shows {article}: {}", second.page(article).await?);
    }
    println!("On A, author 7 takes another name.");
    first.rename(7, "Ada Lovelace").await?;
    for (article, _) in ARTICLES {
        println!("B shows {article}: {}", second.page(article).await?);
    }
    for (article, _) in ARTICLES {
        println!("A shows {article}: {}", first.page(article).await?);
    }
    second.stop()?;
    Ok(())
}
